/** The projector behind real rooms: what each live table says after what happened. */

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { DeviceId, EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { RoomEventRow, RoomMemberRow, RoomSummaryRow } from '../../../server/kernel/live-rows.js'
import { setAccountDataEntry } from '../../../server/store/account-data-store.js'
import { readStreamPosition } from '../../../server/store/feed-store.js'
import { setMembership } from '../../../server/store/membership-store.js'
import { readProjection } from '../../../server/store/projection-store.js'
import type { StreamPosition } from '../../../server/store/writes.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

const select = async <Row>(hs: LiveServer, sql: string, bindings: Record<string, unknown> = {}): Promise<Row[]> => {
  await hs.settled()
  const [rows] = await hs.db.query<[Row[]]>(sql, bindings)
  return rows
}
const eventsOf = (hs: LiveServer, room: RoomId) =>
  select<RoomEventRow>(hs, 'SELECT * FROM room_events:[$room, NONE]..[$room, ..]', { room })
const memberOf = async (hs: LiveServer, room: RoomId, who: UserId) =>
  (await select<RoomMemberRow>(hs, 'SELECT * FROM room_members:[$room, $who]', { room, who }))[0]
/** The line of a user who looks. */
const lineOf = async (hs: LiveServer, who: UserId, room: RoomId) => {
  hs.viewers.addChannel({ id: `of ${who}`, userId: who, deviceId: 'D' as DeviceId })
  return (await select<RoomSummaryRow>(hs, 'SELECT * FROM room_summaries:[$who, $room]', { room, who }))[0]
}

/** Bodies of messages that a user's own session is given. */
async function bodiesFor(hs: LiveServer, name: string, room: RoomId): Promise<string[]> {
  await hs.settled()
  const session = await hs.sessions.openRecordSession(await hs.token(name))
  const [rows] = await hs.sessions.query<[RoomEventRow[]]>(
    session,
    'SELECT * FROM room_events:[$room, NONE]..[$room, ..]',
    { room },
  )
  return rows.flatMap(({ event }) => (event as { content: { body?: string } }).content.body ?? [])
}

describe('room_events', () => {
  test('each event has its place, its form for clients and the visibility it was sent under', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'private_chat', name: 'Den' })
    await hs.rooms.sendText(room, alice, 'hello')

    const rows = await eventsOf(hs, room)

    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
    expect(rows[0]).toMatchObject({ event_type: 'm.room.create', state_key: '' })
    expect(rows.at(-1)).toMatchObject({
      room_id: room,
      sender: alice,
      event_type: 'm.room.message',
      visibility: 'shared',
      event: { type: 'm.room.message', content: { body: 'hello' }, sender: alice },
    })
    expect(rows.at(-1)).not.toHaveProperty('state_key')
    expect(rows.at(-1)?.event).not.toHaveProperty('hashes')
    expect(rows.at(-1)?.position).toBe(hs.db.position)
  })

  test('a state event says what it replaced', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, name: 'Old' })
    await hs.rooms.sendEvent(room, { type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'New' } })

    const last = (await eventsOf(hs, room)).at(-1)

    expect(last?.event).toMatchObject({ content: { name: 'New' }, unsigned: { prev_content: { name: 'Old' } } })
  })

  test('a redacted message loses its content and names its redaction', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    const target = await hs.rooms.sendText(room, alice, 'secret')
    await hs.settled()
    const redaction = await hs.rooms.sendEvent(room, {
      type: 'm.room.redaction',
      sender: alice,
      content: { redacts: target, reason: 'oops' },
      redacts: target,
    })

    const rows = await eventsOf(hs, room)

    const row = rows.find(({ event_id }) => event_id === target)
    expect(row).toMatchObject({
      redacted_by: redaction,
      event: { content: {}, unsigned: { redacted_because: { event_id: redaction } } },
    })
    expect((await lineOf(hs, alice, room))?.last_event?.event_id).not.toBe(target)
  })

  test('a redacted message keeps the hash by which the device that sent it finds its own', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    const content = { msgtype: 'm.text', body: 'secret' }
    const txn = { sid: 's1', txnId: 't1' }
    const target = await hs.rooms.sendEvent(room, { type: 'm.room.message', sender: alice, content }, { txn })
    const hashOf = async () => (await eventsOf(hs, room)).find(({ event_id }) => event_id === target)?.txn_hash
    const hash = createHash('sha256').update('s1|t1').digest('base64url')
    expect(await hashOf()).toBe(hash)

    await hs.rooms.sendEvent(room, {
      ...{ type: 'm.room.redaction', sender: alice, content: { redacts: target }, redacts: target },
    })

    expect((await eventsOf(hs, room)).find(({ event_id }) => event_id === target)?.event).toMatchObject({ content: {} })
    expect(await hashOf()).toBe(hash)
  })

  test('a redacted state event is not told beside the one that replaced it either', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    const rename = (name: string) =>
      hs.rooms.sendEvent(room, { type: 'm.room.name', sender: alice, stateKey: '', content: { name } })
    const target = await rename('a secret')
    const next = await rename('harmless')
    await rename('later')
    await hs.settled()
    await hs.rooms.sendEvent(room, { type: 'm.room.redaction', sender: alice, content: { redacts: target } })

    const rows = await eventsOf(hs, room)

    expect(rows.find(({ event_id }) => event_id === next)?.event.content).toEqual({ name: 'harmless' })
    expect(JSON.stringify(rows)).not.toContain('a secret')
  })

  test('who was removed is not told what the room is called since, whatever they touch', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', name: 'Before' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'hello')
    await hs.rooms.kickUser({ roomId: room, sender: alice, target: bob })
    for (const [type, content] of [
      ['m.room.name', { name: 'After' }],
      ['m.room.topic', { topic: 'Without Bob' }],
    ] as const)
      await hs.rooms.sendEvent(room, { type, sender: alice, stateKey: '', content })
    await hs.settled()
    await hs.db.commit((grant) => {
      const position = grant.position()
      const change = { kind: 'account_data' as const, position, userId: bob, type: 'm.direct', content: {} }
      return { writes: [], changes: [change], result: undefined }
    })

    const line = await lineOf(hs, bob, room)

    expect(line).toMatchObject({
      membership: 'leave',
      name: 'Before',
      joined_count: 1,
      last_event: { preview: 'hello' },
    })
    expect(line?.topic).toBeUndefined()
    expect(line?.max_seq).toBeLessThan((await hs.rooms.rooms.get(room))!.maxSeq)
  })

  test('the feed keeps what a restart may ask for, and no more', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 800 }, (_, i) => hs.rooms.sendText(room, alice, `${round} ${i}`)))
      await hs.live.projector.settled()
    }
    await hs.rooms.sendText(room, alice, 'the last')
    await hs.live.projector.settled()

    await expect
      .poll(async () => (await hs.db.query<[{ n: number }[]]>('SELECT count() AS n FROM feed GROUP ALL'))[0][0]?.n, {
        timeout: 10_000,
      })
      .toBeLessThan(10)
    expect(await readStreamPosition(hs.db)).toBe(hs.db.position)
  })

  test('a change of visibility in the middle of a room divides what a later member sees', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    const setVisibility = (history_visibility: string) =>
      hs.rooms.sendEvent(room, {
        type: 'm.room.history_visibility',
        sender: alice,
        stateKey: '',
        content: { history_visibility },
      })
    await hs.rooms.sendText(room, alice, 'shared before')
    await setVisibility('joined')
    await hs.rooms.sendText(room, alice, 'for those here')
    await setVisibility('shared')
    await hs.rooms.sendText(room, alice, 'shared after')
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'with bob')

    expect(await bodiesFor(hs, 'bob', room)).toEqual(['shared before', 'shared after', 'with bob'])
    expect(await bodiesFor(hs, 'alice', room)).toHaveLength(4)
    const changes = (await eventsOf(hs, room)).filter(({ event_type }) => event_type === 'm.room.history_visibility')
    expect(changes.map(({ visibility }) => visibility)).toEqual(['shared', 'shared', 'shared'])
  })

  test('who leaves and comes back to a room for those who are there misses what was said meanwhile', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({
      creator: alice,
      preset: 'public_chat',
      initialState: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
    })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'one')
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'two')
    expect(await bodiesFor(hs, 'bob', room)).toEqual(['one'])

    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'three')

    // 'one' was visible in bob's first time there: /messages has it.
    expect(await bodiesFor(hs, 'bob', room)).toEqual(['three'])
  })
})

describe('room_members', () => {
  test('members have name, level and role; who never was there has no row', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })

    expect(await memberOf(hs, room, alice)).toMatchObject({
      membership: 'join',
      displayname: 'alice',
      power_level: 100,
      role: 'Owner',
    })
    expect(await memberOf(hs, room, bob)).toMatchObject({ membership: 'join', power_level: 0, role: 'Viewer' })
    expect(await memberOf(hs, room, carol)).toBeUndefined()
  })

  test('new power levels move the roles of those they name', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendEvent(room, {
      type: 'm.room.power_levels',
      sender: alice,
      stateKey: '',
      content: { users: { [alice]: 100, [bob]: 50 } },
    })

    expect(await memberOf(hs, room, bob)).toMatchObject({ power_level: 50, role: 'Editor' })
    expect(await lineOf(hs, bob, room)).toMatchObject({ my_power_level: 50, can: { kick: true, power_levels: true } })
  })

  test('a creator of a version 12 room stands above every level', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, roomVersion: '12' })

    expect(await memberOf(hs, room, alice)).toMatchObject({ power_level: Number.MAX_SAFE_INTEGER, role: 'Owner' })
  })
})

describe('room_summaries', () => {
  test('each member has a line: name, counts, what they may do, what was said last', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', name: 'Kitchen', topic: 'food' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'soup is ready')
    await hs.rooms.sendEvent(room, {
      type: 'm.room.message',
      sender: alice,
      content: { msgtype: 'm.text', body: 'bob?', 'm.mentions': { user_ids: [bob] } },
    })

    expect(await lineOf(hs, bob, room)).toMatchObject({
      ...{ user_id: bob, room_id: room, membership: 'join', name: 'Kitchen', topic: 'food', join_rule: 'public' },
      ...{ joined_count: 2, invited_count: 0, notification_count: 2, highlight_count: 1, encrypted: false },
      last_event: { sender: alice, preview: 'bob?' },
      can: { send: true, invite: false, kick: false, name: false },
      history_complete: true,
      first_seq: 1,
      room_version: '12',
    })
    expect(await lineOf(hs, alice, room)).toMatchObject({
      notification_count: 0,
      can: { invite: true, kick: true, name: true },
    })
  })

  test('a room without a name is called after the others in it', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({
      creator: alice,
      preset: 'trusted_private_chat',
      invite: [bob],
      isDirect: true,
    })

    expect(await lineOf(hs, alice, room)).toMatchObject({ name: 'bob', heroes: [bob] })
    expect(await lineOf(hs, bob, room)).toMatchObject({
      name: 'alice',
      membership: 'invite',
      inviter: alice,
      is_direct: true,
    })
  })

  test('an invitation from another server has a line made of what came with it', async () => {
    await using hs = await startLiveServer()
    const room = '!elsewhere:remote.test' as RoomId
    const stripped = [
      { type: 'm.room.name', state_key: '', sender: '@eve:remote.test', content: { name: 'Far away' } },
      { type: 'm.room.create', state_key: '', sender: '@eve:remote.test', content: { room_version: '11' } },
      { type: 'm.room.encryption', state_key: '', sender: '@eve:remote.test', content: {} },
    ]
    await hs.db.commit((grant) => {
      const position = grant.position()
      const row = {
        ...{
          room_id: room,
          membership: 'invite',
          event_id: '$invite' as EventId,
          sender: '@eve:remote.test' as UserId,
        },
        ...{ position, forgotten: false, seq: undefined, stripped: JSON.stringify(stripped) },
      }
      const change = { kind: 'membership', roomId: room, userId: bob, membership: 'invite', position } as const
      return { writes: [setMembership(bob, row)], changes: [change], result: undefined }
    })

    expect(await lineOf(hs, bob, room)).toMatchObject({
      ...{ membership: 'invite', name: 'Far away', inviter: '@eve:remote.test', room_version: '11', encrypted: true },
      ...{ heroes: ['@eve:remote.test'], can: { send: false } },
    })
    expect(await memberOf(hs, room, bob)).toMatchObject({ membership: 'invite', role: 'None' })
  })

  test('a receipt takes the unread count away, and account data shows in the line', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    const eventId = await hs.rooms.sendText(room, alice, 'read me')
    expect(await lineOf(hs, bob, room)).toMatchObject({ notification_count: 1, read_seq: 0 })

    await hs.receipts.set({ userId: bob, roomId: room, receiptType: 'm.read', eventId })
    await hs.db.commit((grant) => {
      const position = grant.position()
      const entry = { roomId: room, type: 'm.tag', content: '{"tags":{"m.favourite":{"order":0.5}}}', position }
      const change = {
        kind: 'account_data',
        userId: bob,
        roomId: room,
        type: 'm.tag',
        content: { tags: {} },
        position,
      } as const
      return { writes: [setAccountDataEntry(bob, entry)], changes: [change], result: undefined }
    })

    const line = await lineOf(hs, bob, room)
    expect(line).toMatchObject({ notification_count: 0, tags: ['m.favourite'] })
    expect(line?.read_seq).toBe(line?.max_seq)
    expect(await select(hs, 'SELECT * FROM receipts:[$room, NONE]..[$room, ..]', { room })).toMatchObject([
      { user_id: bob, event_id: eventId, receipt_type: 'm.read', seq: line?.max_seq },
    ])
    expect(await select(hs, "SELECT * FROM account_data:[$bob, $room, 'm.tag']", { bob, room })).toMatchObject([
      { content: { tags: { 'm.favourite': { order: 0.5 } } } },
    ])
  })

  test('who leaves keeps a line that says so, who forgets the room loses it and its sight', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'bye')
    await hs.rooms.leaveRoom({ roomId: room, sender: bob })
    expect(await lineOf(hs, bob, room)).toMatchObject({ membership: 'leave' })
    expect(await bodiesFor(hs, 'bob', room)).toEqual(['bye'])

    await hs.rooms.forgetRoom({ roomId: room, sender: bob })

    expect(await lineOf(hs, bob, room)).toBeUndefined()
    expect(await bodiesFor(hs, 'bob', room)).toEqual([])
  })

  test('a burst of messages makes few writes of a line', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    expect(await lineOf(hs, alice, room)).toMatchObject({ membership: 'join' })
    let writes = 0
    await hs.db.query('DEFINE EVENT counted ON room_summaries THEN { UPSERT counter:lines SET n = (n ?? 0) + 1 }')
    await hs.db.query('DEFINE TABLE counter')
    await Promise.all(Array.from({ length: 100 }, (_, n) => hs.rooms.sendText(room, alice, `${n}`)))
    await hs.settled()
    ;[writes] = await hs.db.query<[number]>('RETURN counter:lines.n')

    expect(writes).toBeGreaterThan(0)
    expect(writes).toBeLessThan(20)
    expect((await lineOf(hs, alice, room))?.max_seq).toBe((await eventsOf(hs, room)).length)
  })
})

describe('the stream', () => {
  test('the watermark is the position of the last projected change', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    await hs.rooms.sendText(room, alice, 'x')
    await hs.settled()

    expect((await readProjection(hs.db, 'events'))?.position).toBe(hs.db.position)
    expect(hs.live.projector.lag).toBe(0)
  })

  test('what was committed before there was any projector is written at its start', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    await hs.rooms.sendText(room, alice, 'x')
    await hs.settled()
    const shown = async () => [
      await eventsOf(hs, room),
      { ...(await memberOf(hs, room, bob)), position: 0 }, // a rebuild knows what is, not when it became so
    ]
    const before = await shown()
    await hs.live.close()
    await hs.db.query('DELETE projection; DELETE room_access; DELETE room_events; DELETE room_members')

    await hs.restartLive()

    expect(await shown()).toEqual(before)
    expect(await lineOf(hs, bob, room)).toMatchObject({ membership: 'join', notification_count: 1 })
  })

  test('what was committed while it was down is taken from the feed, once', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat' })
    await hs.settled()
    await hs.live.close()
    await hs.rooms.joinRoom({ roomId: room, sender: bob })
    for (let n = 0; n < 300; n++) await hs.rooms.sendText(room, alice, `${n}`)

    await hs.restartLive()

    const rows = await eventsOf(hs, room)
    expect(rows.filter(({ event_type }) => event_type === 'm.room.message')).toHaveLength(300)
    expect(await lineOf(hs, bob, room)).toMatchObject({ max_seq: rows.at(-1)?.seq })
  })

  test('a change that cannot be written is left out, and what follows is not', async () => {
    await using hs = await startLiveServer()
    const room = await hs.rooms.createRoom({ creator: alice })
    await hs.settled()
    await hs.db.query(
      `DEFINE EVENT poison ON room_events WHEN $after.event.content.body = 'poison' THEN { THROW 'no' }`,
    )
    await Promise.all(['a', 'poison', 'b'].map((body) => hs.rooms.sendText(room, alice, body)))

    const bodies = (await eventsOf(hs, room)).flatMap(
      ({ event }) => (event as { content: { body?: string } }).content.body ?? [],
    )

    expect(bodies).toEqual(['a', 'b'])
    expect((await readProjection(hs.db, 'events'))?.position).toBe(hs.db.position as StreamPosition)
  })
})
