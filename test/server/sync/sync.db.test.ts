/** /sync on real rooms: sections, gaps, state, and tokens. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { bodies, keysOf, makeTestSyncing, only, type TestSyncing } from '../../support/syncing.js'

const carol = user('carol')

describe('/sync', async () => {
  const db = await openTestDatabase()
  let hs: TestSyncing
  let names = 0
  beforeAll(async () => {
    hs = await makeTestSyncing(db)
  })
  /** A user nobody else's test knows, so that each sees only its own rooms. */
  const newUser = (name: string) => user(`${name}${++names}`)
  const setState = (roomId: RoomId, sender: UserId, type: string, content: Record<string, unknown>, stateKey = '') =>
    hs.sendEvent(roomId, { type, sender, stateKey, content })

  test('a first sync tells the rooms, their state before the timeline, and who is in them', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat', topic: 'tea' })
    await hs.joinRoom({ roomId, sender: ben })
    for (let i = 1; i <= 12; i++) await hs.sendText(roomId, ben, `m${i}`)

    const room = only(await hs.device(ann).sync())

    expect(bodies(room.timeline.events)).toEqual(Array.from({ length: 10 }, (_, i) => `m${i + 3}`))
    expect(room.timeline.limited).toBe(true)
    expect(keysOf(room.state.events)).toEqual(keysOf(await hs.device(ann).state(roomId)))
    expect(room.summary).toEqual({ 'm.heroes': [ben], 'm.joined_member_count': 2, 'm.invited_member_count': 0 })
    expect(room.timeline.events[0]?.unsigned.membership).toBe('join')
  })

  test('state and timeline of a first sync together make the current state, nothing twice', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann, name: 'old' })
    await setState(roomId, ann, 'm.room.name', { name: 'middle' })
    await setState(roomId, ann, 'm.room.name', { name: 'new' })

    const room = only(await hs.device(ann).sync({ filter: { room: { timeline: { limit: 2 } } } }))

    const nameBefore = room.state.events.find(({ type }) => type === 'm.room.name')
    expect(nameBefore?.content.name).toBe('old')
    expect(room.timeline.events.map(({ content }) => content.name)).toEqual(['middle', 'new'])
    expect(room.timeline.events[1]?.unsigned.prev_content).toEqual({ name: 'middle' })
    expect(room.timeline.events[1]?.unsigned.replaces_state).toBe(room.timeline.events[0]?.event_id)
  })

  test('with use_state_after the state is that of the end, and `state` is left out', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann, name: 'old' })
    const device = hs.device(ann)
    const first = await device.sync()
    await setState(roomId, ann, 'm.room.name', { name: 'new' })

    const [whole, later] = [
      only(await device.sync({ useStateAfter: true })),
      only(await device.sync({ since: first.next_batch, useStateAfter: true })),
    ]

    const nameIn = (events: { type: string; content: Record<string, unknown> }[]) =>
      events.filter(({ type }) => type === 'm.room.name').map(({ content }) => content.name)
    expect(nameIn(whole.state_after.events)).toEqual(['new'])
    expect(keysOf(later.state_after.events)).toEqual(['m.room.name|'])
    expect(nameIn(later.timeline.events)).toEqual(['new'])
    expect(whole.state).toBeUndefined()
  })

  test('of state that a filter keeps out of the timeline a client ends with the newest, not with an older one it is shown', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({
      creator: ann,
      preset: 'public_chat',
      roomVersion: '11',
      powerLevelContentOverride: { users: { [ann]: 100, [ben]: 100 } },
    })
    await hs.joinRoom({ roomId, sender: ben })
    const device = hs.device(ann)
    const filter = { room: { timeline: { not_senders: [ben] } } }
    const { next_batch: since } = await device.sync({ filter })
    await setState(roomId, ann, 'm.room.name', { name: 'older' })
    await setState(roomId, ben, 'm.room.name', { name: 'newest' })
    await hs.sendText(roomId, ann, 'and on')

    for (const room of [only(await device.sync({ since, filter })), only(await device.sync({ filter }))]) {
      const told = [...room.state.events, ...room.timeline.events]
      expect(told.findLast(({ type }) => type === 'm.room.name')?.content.name).toBe('newest')
      expect(bodies(room.timeline.events)).toEqual(['and on'])
      // What is cut off for it can be paged to.
      expect(room.timeline.limited).toBe(true)
      const page = await device.messages(roomId, { from: room.timeline.prev_batch, limit: 1 })
      expect(page.chunk.map(({ content }) => content.name)).toEqual(['older'])
    }
  })

  test('a later sync tells what happened since, and nothing when nothing did', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    const device = hs.device(ann)
    const first = await device.sync()

    const quiet = await device.sync({ since: first.next_batch })
    await hs.sendText(roomId, ben, 'hello')
    const later = await device.sync({ since: quiet.next_batch })

    expect(quiet.rooms).toBeUndefined()
    expect(bodies(only(later).timeline.events)).toEqual(['hello'])
    expect(only(later).timeline.limited).toBe(false)
    expect(only(later).state.events).toEqual([])
    expect(only(later).unread_notifications).toEqual({ notification_count: 1, highlight_count: 0 })
  })

  test('a gap: the newest events, the state that changed in between, and a token for the rest', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat', name: 'old' })
    const device = hs.device(ann)
    const first = await device.sync()
    await hs.joinRoom({ roomId, sender: ben })
    await setState(roomId, ann, 'm.room.name', { name: 'new' })
    for (let i = 1; i <= 100; i++) await hs.sendText(roomId, ben, `m${i}`)

    const room = only(await device.sync({ since: first.next_batch, filter: { room: { timeline: { limit: 3 } } } }))
    const before = await device.messages(roomId, { from: room.timeline.prev_batch, to: first.next_batch, limit: 200 })

    expect(bodies(room.timeline.events)).toEqual(['m98', 'm99', 'm100'])
    expect(room.timeline.limited).toBe(true)
    expect(keysOf(room.state.events)).toEqual([`m.room.member|${ben}`, 'm.room.name|'])
    expect(bodies(before.chunk)).toEqual(Array.from({ length: 97 }, (_, i) => `m${97 - i}`))
    expect(before.chunk).toHaveLength(99)
    expect(before.end).toBeUndefined()
  })

  test('exactly as many as the limit leave no gap, one more does', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    const device = hs.device(ann)
    const { next_batch: since } = await device.sync()
    const timeline = async (limit: number, from?: string) => {
      const filter = { room: { timeline: { limit } } }
      return only(await device.sync({ filter, ...(from ? { since: from } : {}) })).timeline
    }
    for (let i = 1; i <= 5; i++) await hs.sendText(roomId, ann, `m${i}`)

    const exactly = await timeline(5, since)
    expect([bodies(exactly.events), exactly.limited]).toEqual([['m1', 'm2', 'm3', 'm4', 'm5'], false])
    const less = await timeline(4, since)
    expect([bodies(less.events), less.limited]).toEqual([['m2', 'm3', 'm4', 'm5'], true])
    // The one more may lie behind much that is not asked for.
    for (let i = 0; i < 30; i++) await setState(roomId, ann, 'm.room.topic', { topic: `t${i}` })
    for (let i = 6; i <= 10; i++) await hs.sendText(roomId, ann, `m${i}`)
    const filter = { room: { timeline: { limit: 5, types: ['m.room.message'] } } }
    const some = only(await device.sync({ since, filter })).timeline
    expect([bodies(some.events), some.limited]).toEqual([['m6', 'm7', 'm8', 'm9', 'm10'], true])
    const { maxSeq } = (await hs.rooms.get(roomId))!
    expect([(await timeline(maxSeq)).limited, (await timeline(maxSeq - 1)).limited]).toEqual([false, true])
  })

  test('state events that a filter keeps out of the timeline come as state', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann, name: 'old' })
    const device = hs.device(ann)
    const filter = { room: { timeline: { types: ['m.room.message'] } } }
    const first = await device.sync({ filter })
    await setState(roomId, ann, 'm.room.name', { name: 'new' })
    await hs.sendText(roomId, ann, 'renamed')

    const room = only(await device.sync({ filter, since: first.next_batch }))

    expect(bodies(room.timeline.events)).toEqual(['renamed'])
    expect(room.timeline.events).toHaveLength(1)
    expect(room.state.events.map(({ content }) => content.name)).toEqual(['new'])
  })

  test('the transaction ID is told to the device that sent it alone', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann })
    const [phone, desk] = [hs.device(ann, 'PHONE'), hs.device(ann, 'DESK')]
    await hs.sendEvent(
      roomId,
      { type: 'm.room.message', sender: ann, content: { msgtype: 'm.text', body: 'mine' } },
      { txn: { sid: phone.sid, txnId: 't1' } },
    )

    const [mine, other] = [only(await phone.sync()), only(await desk.sync())]

    expect(mine.timeline.events.at(-1)?.unsigned.transaction_id).toBe('t1')
    expect(other.timeline.events.at(-1)?.unsigned.transaction_id).toBeUndefined()
  })

  test('an invitation comes with stripped state, and its withdrawal as a left room', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, name: 'Club' })
    const device = hs.device(ben)
    const start = await device.sync()
    await hs.inviteUser({ roomId, sender: ann, target: ben })

    const invited = await device.sync({ since: start.next_batch })
    await hs.kickUser({ roomId, sender: ann, target: ben })
    const kicked = await device.sync({ since: invited.next_batch })

    const state = invited.rooms?.invite?.[roomId]?.invite_state.events ?? []
    expect(keysOf(state)).toEqual(
      expect.arrayContaining([`m.room.member|${ben}`, 'm.room.name|', 'm.room.create|', 'm.room.join_rules|']),
    )
    expect(kicked.rooms?.leave?.[roomId]?.timeline.events.map(({ content }) => content.membership)).toEqual(['leave'])
    expect(kicked.rooms?.leave?.[roomId]?.state.events).toEqual([])
  })

  test('an invitation by an ignored user is not told, nor are an ignored member’s messages', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const shared = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId: shared, sender: ben })
    await hs.accountData.setAccountData(ann, undefined, 'm.ignored_user_list', { ignored_users: { [ben]: {} } })
    const device = hs.device(ann)
    const start = await device.sync()
    const roomId = await hs.createRoom({ creator: ben })
    await hs.inviteUser({ roomId, sender: ben, target: ann })
    await hs.sendText(shared, ben, 'psst')

    const later = await device.sync({ since: start.next_batch })

    expect(later.rooms).toBeUndefined()
  })

  test('who ignores themselves is still shown what they said', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann })
    await hs.accountData.setAccountData(ann, undefined, 'm.ignored_user_list', { ignored_users: { [ann]: {} } })
    const device = hs.device(ann)
    const { next_batch: since } = await device.sync()
    await hs.sendText(roomId, ann, 'mine')

    expect(bodies(only(await device.sync({ since })).timeline.events)).toEqual(['mine'])
  })

  test('a room that was left shows what happened until then, and nothing after', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    const device = hs.device(ben)
    const start = await device.sync()
    await hs.sendText(roomId, ann, 'before')
    await hs.leaveRoom({ roomId, sender: ben })
    await hs.sendText(roomId, ann, 'after')

    const left = await device.sync({ since: start.next_batch })
    const later = await device.sync({ since: left.next_batch })
    const [first, archive] = [await device.sync(), await device.sync({ filter: { room: { include_leave: true } } })]

    const room = left.rooms?.leave?.[roomId]
    expect(room?.timeline.events.map(({ type }) => type)).toEqual(['m.room.message', 'm.room.member'])
    expect(later.rooms).toBeUndefined()
    expect(first.rooms).toBeUndefined()
    expect(bodies(archive.rooms?.leave?.[roomId]?.timeline.events ?? [])).toEqual(['before'])
  })

  test('who comes back gets the whole state and a gap, as in a room never seen', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    const device = hs.device(ben)
    const start = await device.sync()
    await hs.leaveRoom({ roomId, sender: ben })
    await hs.sendText(roomId, ann, 'while away')
    await hs.joinRoom({ roomId, sender: ben })

    const room = only(await device.sync({ since: start.next_batch }))

    expect(room.timeline.limited).toBe(true)
    expect(
      room.state.events.length + room.timeline.events.filter((event) => event.state_key !== undefined).length,
    ).toBeGreaterThan(6)
    expect(bodies(room.timeline.events)).toEqual(['while away'])
  })

  test('a new display name is no new join', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    const device = hs.device(ben)
    const start = await device.sync()
    await setState(roomId, ben, 'm.room.member', { membership: 'join', displayname: 'Benjamin' }, ben)

    const room = only(await device.sync({ since: start.next_batch }))

    expect(room.timeline.limited).toBe(false)
    expect(room.timeline.events).toHaveLength(1)
    expect(room.state.events).toEqual([])
  })

  test('full_state tells all state again, and the timeline only since the token', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann })
    const device = hs.device(ann)
    const first = await device.sync()
    await hs.sendText(roomId, ann, 'more')

    const room = only(await device.sync({ since: first.next_batch, fullState: true }))

    expect(bodies(room.timeline.events)).toEqual(['more'])
    expect(keysOf(room.state.events)).toEqual(keysOf(await device.state(roomId)))
  })

  test('filters choose rooms, types, senders and the form of events', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const [one, two] = [
      await hs.createRoom({ creator: ann, preset: 'public_chat' }),
      await hs.createRoom({ creator: ann }),
    ]
    await hs.joinRoom({ roomId: one, sender: ben })
    await hs.sendText(one, ann, 'by ann')
    await hs.sendText(one, ben, 'by ben')
    const device = hs.device(ann)
    const filterId = await hs.accountData.defineFilter(ann, {
      room: { rooms: [one], timeline: { not_senders: [ben] } },
    })

    const stored = await device.sync({ filter: filterId })
    const glob = only(
      await device.sync({ filter: { room: { not_rooms: [two], timeline: { types: ['m.room.mess*'] } } } }),
    )
    const fields = only(
      await device.sync({
        filter: {
          event_fields: ['event_id', 'type', 'sender', 'origin_server_ts', 'content.body'],
          room: { rooms: [one], timeline: { types: ['m.room.message'] } },
        },
      }),
    )

    expect(Object.keys(stored.rooms?.join ?? {})).toEqual([one])
    expect(bodies(only(stored).timeline.events)).toEqual(['by ann'])
    expect(glob.timeline.events.map(({ type }) => type)).toEqual(['m.room.message', 'm.room.message'])
    expect(fields.timeline.events[0]?.content).toEqual({ body: 'by ann' })
    await expect(device.sync({ filter: 'nosuch' })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    await expect(device.sync({ filter: '{"room":' })).rejects.toMatchObject({ errcode: 'M_NOT_JSON' })
    await expect(device.sync({ filter: { room: { timeline: { limit: 'x' } } } })).rejects.toMatchObject({
      errcode: 'M_BAD_JSON',
    })
  })

  test('a bad token is refused, one of the future too', async () => {
    const device = hs.device(newUser('ann'))

    await expect(device.sync({ since: 'nonsense' })).rejects.toMatchObject({ status: 400, errcode: 'M_INVALID_PARAM' })
    await expect(device.sync({ since: 's1_999999999_boot_0' })).rejects.toMatchObject({
      status: 400,
      errcode: 'M_UNKNOWN_POS',
    })
  })

  test('account data is told once, global and of rooms', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann })
    const device = hs.device(ann)
    const first = await device.sync()
    await hs.accountData.setAccountData(ann, undefined, 'org.example', { a: 1 })
    await hs.accountData.setTag(ann, roomId, 'm.favourite', { order: 0.5 })

    const later = await device.sync({ since: first.next_batch })
    const quiet = await device.sync({ since: later.next_batch })

    expect(first.account_data?.events.map(({ type }) => type)).toEqual(['m.push_rules'])
    expect(later.account_data?.events).toEqual([{ type: 'org.example', content: { a: 1 } }])
    expect(only(later).account_data.events).toEqual([
      { type: 'm.tag', content: { tags: { 'm.favourite': { order: 0.5 } } } },
    ])
    expect(quiet.rooms).toBeUndefined()
    expect(quiet.account_data).toBeUndefined()
  })

  test('a redaction comes as an event, and the redacted event is empty with its reason for being so', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann })
    const said = await hs.sendText(roomId, ann, 'oops')
    const device = hs.device(ann)
    const first = await device.sync()
    const redaction = await hs.sendEvent(roomId, { type: 'm.room.redaction', sender: ann, content: { redacts: said } })

    const later = only(await device.sync({ since: first.next_batch }))
    const afresh = only(await device.sync())

    expect(later.timeline.events.map(({ event_id }) => event_id)).toEqual([redaction])
    const redacted = afresh.timeline.events.find(({ event_id }) => event_id === said)
    expect(redacted?.content).toEqual({})
    expect(redacted?.unsigned.redacted_because).toMatchObject({ event_id: redaction })
  })

  describe('lazy-loaded members', () => {
    const lazy = { room: { state: { lazy_load_members: true }, timeline: { limit: 5 } } }

    test('only the senders, the heroes and oneself, each once', async () => {
      const [ann, ben, cat, dan] = [newUser('ann'), newUser('ben'), newUser('cat'), newUser('dan')]
      const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat', name: 'named' })
      for (const sender of [ben, cat, dan]) await hs.joinRoom({ roomId, sender })
      for (let i = 0; i < 5; i++) await hs.sendText(roomId, ben, `m${i}`)
      const device = hs.device(ann)

      const first = await device.sync({ filter: lazy })
      await hs.sendText(roomId, ben, 'again')
      await hs.sendText(roomId, cat, 'me too')
      const later = await device.sync({ filter: lazy, since: first.next_batch })
      const repeated = await device.sync({ filter: lazy, since: first.next_batch })

      const membersIn = (events: { type: string; state_key?: string }[]) =>
        events
          .filter(({ type }) => type === 'm.room.member')
          .map(({ state_key }) => state_key)
          .sort()
      expect(membersIn(only(first).state.events)).toEqual([ann, ben].sort())
      expect(membersIn(only(later).state.events)).toEqual([cat])
      expect(membersIn(only(repeated).state.events)).toEqual([ben, cat].sort())
    })

    test('in a gap every member who changed is told, sent before or not', async () => {
      const [ann, ben] = [newUser('ann'), newUser('ben')]
      const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
      await hs.joinRoom({ roomId, sender: ben })
      await hs.sendText(roomId, ben, 'hi')
      const device = hs.device(ann)
      const first = await device.sync({ filter: lazy })
      await setState(roomId, ben, 'm.room.member', { membership: 'join', displayname: 'Benny' }, ben)
      for (let i = 0; i < 10; i++) await hs.sendText(roomId, ann, `m${i}`)

      const later = only(await device.sync({ filter: lazy, since: first.next_batch }))

      expect(later.timeline.limited).toBe(true)
      expect(later.state.events.map(({ state_key, content }) => [state_key, content.displayname])).toEqual([
        [ben, 'Benny'],
      ])
    })
  })

  describe('waiting', () => {
    test('an event wakes the members who wait, and nobody else', async () => {
      const [ann, ben, eve] = [newUser('ann'), newUser('ben'), newUser('eve')]
      const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
      await hs.joinRoom({ roomId, sender: ben })
      const [member, stranger] = [hs.device(ben), hs.device(eve)]
      const [a, b] = [await member.sync(), await stranger.sync()]
      const waiting = member.sync({ since: a.next_batch, timeoutMs: 10_000 })
      const bored = stranger.sync({ since: b.next_batch, timeoutMs: 200 })

      await hs.sendText(roomId, ann, 'wake up')

      expect(bodies(only(await waiting).timeline.events)).toEqual(['wake up'])
      expect((await bored).rooms).toBeUndefined()
    })

    test('an invitation wakes the invited', async () => {
      const [ann, ben] = [newUser('ann'), newUser('ben')]
      const roomId = await hs.createRoom({ creator: ann })
      const device = hs.device(ben)
      const start = await device.sync()
      const waiting = device.sync({ since: start.next_batch, timeoutMs: 10_000 })

      await hs.inviteUser({ roomId, sender: ann, target: ben })

      expect(Object.keys((await waiting).rooms?.invite ?? {})).toEqual([roomId])
    })

    test('what a filter keeps out does not end the waiting, and the token moves on', async () => {
      const [ann, ben] = [newUser('ann'), newUser('ben')]
      const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
      await hs.joinRoom({ roomId, sender: ben })
      const device = hs.device(ben)
      const filter = { room: { timeline: { not_senders: [ann] } } }
      const start = await device.sync({ filter })
      const waiting = device.sync({ since: start.next_batch, timeoutMs: 300, filter })
      await hs.sendText(roomId, ann, 'unwanted')

      const answer = await waiting

      expect(answer.rooms).toBeUndefined()
      expect(answer.next_batch).not.toBe(start.next_batch)
    })

    test('a caller who goes away is let go at once', async () => {
      const device = hs.device(newUser('ann'))
      const start = await device.sync()
      const leaving = new AbortController()
      const waiting = device.sync({ since: start.next_batch, timeoutMs: 60_000, signal: leaving.signal })
      while (hs.notifier.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1))

      leaving.abort()

      expect((await waiting).rooms).toBeUndefined()
      expect(hs.notifier.waiting).toBe(0)
    })
  })

  test('a token of before a restart goes on without a gap', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    const before = await hs.device(ann).sync()
    const said = await hs.sendText(roomId, ben, 'in the old process')
    await hs.operations.setReceipt({ userId: ben, roomId, receiptType: 'm.read', eventId: said })

    const restarted = await makeTestSyncing(db)
    const room = only(await restarted.device(ann).sync({ since: before.next_batch }))

    expect(bodies(room.timeline.events)).toEqual(['in the old process'])
    expect(room.ephemeral.events).toEqual([
      { type: 'm.receipt', content: { [said]: { 'm.read': { [ben]: { ts: expect.any(Number) } } } } },
    ])
    expect(room.unread_notifications.notification_count).toBe(1)
    restarted.close()
  })

  test('carol reads the same timeline, however it was read before', async () => {
    const ann = newUser('ann')
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: carol })
    for (let i = 0; i < 150; i++) await hs.sendText(roomId, i % 2 ? carol : ann, `m${i}`)

    const device = hs.device(carol)
    const room = (await device.sync()).rooms?.join?.[roomId]
    const seen = bodies(room?.timeline.events ?? []).reverse()
    for (let from: string | undefined = room?.timeline.prev_batch; from; ) {
      const page: Awaited<ReturnType<typeof device.messages>> = await device.messages(roomId, { from, limit: 37 })
      seen.push(...bodies(page.chunk))
      from = page.end
    }

    expect(seen.reverse()).toEqual(Array.from({ length: 150 }, (_, i) => `m${i}`))
  })
})
