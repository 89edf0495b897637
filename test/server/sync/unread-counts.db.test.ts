/**
 * Unread counts by each user's own push rules: moved by the stream, walked afresh, and read from a checkpoint, they
 * are the same.
 */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { stateKeyOf } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { makePushRules, type PushRules } from '../../../server/push/push-rules.js'
import type { Rooms } from '../../../server/rooms/room.js'
import { openTestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'
import { makeTestSyncing, type TestSyncing } from '../../support/syncing.js'

const highlight = { set_tweak: 'highlight' }

describe('unread counts', async () => {
  const db = await openTestDatabase()
  const clock = fakeClock(Date.now())
  let hs: TestSyncing
  let pushRules: PushRules
  let names = 0
  beforeAll(async () => {
    hs = await makeTestSyncing(db, { clock })
    pushRules = makePushRules(hs.accountData)
  })
  const newUser = (name: string) => user(`${name}${++names}`)

  async function newRoom(): Promise<{ roomId: RoomId; ann: UserId; ben: UserId }> {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    return { roomId, ann, ben }
  }
  const send = (roomId: RoomId, sender: UserId, content: Record<string, unknown>, type = 'm.room.message') =>
    hs.sendEvent(roomId, { type, sender, content: { msgtype: 'm.text', body: 'x', ...content } })
  const reply = (roomId: RoomId, sender: UserId, root: EventId, more = {}) =>
    send(roomId, sender, { ...more, 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  const relate = (roomId: RoomId, sender: UserId, rel_type: string, event_id: EventId, more = {}) =>
    send(roomId, sender, { ...more, 'm.relates_to': { rel_type, event_id } })
  const redact = (roomId: RoomId, sender: UserId, target: EventId) =>
    hs.sendEvent(roomId, { type: 'm.room.redaction', sender, content: { redacts: target }, redacts: target })
  const read = (userId: UserId, roomId: RoomId, eventId: EventId, threadId?: string) =>
    hs.operations.setReceipt({ userId, roomId, receiptType: 'm.read', eventId, threadId })
  const count = async (userId: UserId, roomId: RoomId, of: Pick<TestSyncing, 'unreadCounts'> = hs) => {
    const { notification_count, highlight_count } = await of.unreadCounts.countUnread(userId, roomId)
    return [notification_count, highlight_count]
  }
  const threads = async (userId: UserId, roomId: RoomId, of: Pick<TestSyncing, 'unreadCounts'> = hs) =>
    Object.fromEntries(
      [...(await of.unreadCounts.countThreads(userId, roomId))].map(([thread, each]) => [
        thread,
        [each.notification_count, each.highlight_count],
      ]),
    )
  /** What a restarted server counts. */
  async function afresh<T>(ask: (restarted: TestSyncing) => Promise<T>): Promise<T> {
    const restarted = await makeTestSyncing(db, { clock })
    try {
      return await ask(restarted)
    } finally {
      restarted.close()
    }
  }
  const mentioning = (...userIds: UserId[]) => ({ 'm.mentions': { user_ids: userIds } })
  const ignore = (userId: UserId, ...ignored: UserId[]) =>
    hs.accountData.setAccountData(userId, undefined, 'm.ignored_user_list', {
      ignored_users: Object.fromEntries(ignored.map((each) => [each, {}])),
    })

  describe('by whose rules', () => {
    test('a keyword stands out for who set it, and for nobody else', async () => {
      const { roomId, ann, ben } = await newRoom()
      const cat = newUser('cat')
      await hs.joinRoom({ roomId, sender: cat })
      await pushRules.setPushRule(ben, 'content', 'k', { pattern: 'cake', actions: ['notify', highlight] }, {})
      await count(ben, roomId)
      await count(cat, roomId)

      await send(roomId, ann, { body: 'There is CAKE!' })
      await send(roomId, ann, { body: 'and cheesecake' })

      expect([await count(ben, roomId), await count(cat, roomId)]).toEqual([
        [2, 1],
        [2, 0],
      ])
    })

    test('a room that is muted counts nothing, one for mentions only counts those', async () => {
      const { roomId, ann, ben } = await newRoom()
      const { roomId: other, ann: anne } = await newRoom()
      await hs.joinRoom({ roomId: other, sender: ben })
      const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
      await pushRules.setPushRule(ben, 'override', roomId, { conditions, actions: [] }, {})
      await pushRules.setPushRule(ben, 'room', other, { actions: [] }, {})

      await send(roomId, ann, mentioning(ben))
      await send(other, anne, {})
      await send(other, anne, mentioning(ben))

      expect([await count(ben, roomId), await count(ben, other)]).toEqual([
        [0, 0],
        [1, 1],
      ])
    })

    test('rules that change judge what is unread anew', async () => {
      const { roomId, ann, ben } = await newRoom()
      await send(roomId, ann, { body: 'cake' })
      expect(await count(ben, roomId)).toEqual([1, 0])

      await pushRules.setPushRule(ben, 'content', 'k', { pattern: 'cake', actions: ['notify', highlight] }, {})
      expect(await count(ben, roomId)).toEqual([1, 1])
      await pushRules.changePushRule(ben, 'override', '.m.rule.master', { enabled: true })
      expect(await count(ben, roomId)).toEqual([0, 0])
    })

    test('who is ignored does not count, and counts again', async () => {
      const { roomId, ann, ben } = await newRoom()
      await send(roomId, ann, mentioning(ben))
      expect(await count(ben, roomId)).toEqual([1, 1])

      await ignore(ben, ann)
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([0, 0])
      await ignore(ben)
      expect(await count(ben, roomId)).toEqual([2, 1])
    })

    test('a rule about the number of members follows it', async () => {
      const { roomId, ann, ben } = await newRoom()
      await pushRules.changePushRule(ben, 'underride', '.m.rule.message', { actions: [] })
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([1, 0])

      const cat = newUser('cat')
      await hs.joinRoom({ roomId, sender: cat })
      expect(await count(ben, roomId)).toEqual([0, 0])
      await hs.leaveRoom({ roomId, sender: cat })
      expect(await count(ben, roomId)).toEqual([1, 0])
    })

    test('a rule about one’s name follows one’s name in the room', async () => {
      const { roomId, ann, ben } = await newRoom()
      const conditions = [{ kind: 'contains_display_name' }]
      await pushRules.setPushRule(ben, 'override', 'name', { conditions, actions: ['notify', highlight] }, {})
      await send(roomId, ann, { body: 'hello bee' })
      expect(await count(ben, roomId)).toEqual([1, 0])

      await hs.sendEvent(roomId, {
        ...{ type: 'm.room.member', sender: ben, stateKey: ben },
        content: { membership: 'join', displayname: 'Bee' },
      })
      expect(await count(ben, roomId)).toEqual([1, 1])
    })

    test('whoever may call the room is asked of the room as it is', async () => {
      const { roomId, ann, ben } = await newRoom()
      const cat = newUser('cat')
      await hs.joinRoom({ roomId, sender: cat })
      const { content } = (await hs.rooms.get(roomId))!.state.get(stateKeyOf('m.room.power_levels', ''))!.pdu
      const setLevel = (level: number) =>
        hs.sendEvent(roomId, {
          ...{ type: 'm.room.power_levels', sender: ann, stateKey: '' },
          content: { ...content, users: { [ben]: level } },
        })
      await setLevel(50)
      await send(roomId, ben, { 'm.mentions': { room: true } })
      expect(await count(cat, roomId)).toEqual([1, 1])

      await setLevel(49)
      expect(await count(cat, roomId)).toEqual([1, 0])
      await send(roomId, ben, { 'm.mentions': { room: true } })
      expect(await count(cat, roomId)).toEqual([2, 0])
      await setLevel(50)
      expect(await count(cat, roomId)).toEqual([2, 2])
    })
  })

  describe('what moves them', () => {
    test('what one sends has been read up to there, in its thread', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await send(roomId, ann, {})
      const answer = await reply(roomId, ann, root)
      expect(await threads(ben, roomId)).toEqual({ main: [1, 0], [root]: [1, 0] })

      await reply(roomId, ben, root)
      expect(await threads(ben, roomId)).toEqual({ main: [1, 0] })
      await reply(roomId, ann, root)
      await relate(roomId, ben, 'm.annotation', answer)
      expect(await threads(ben, roomId)).toEqual({ main: [1, 0] })
      await send(roomId, ben, {})
      expect(await threads(ben, roomId)).toEqual({})
      expect(await afresh((restarted) => threads(ben, roomId, restarted))).toEqual({})
    })

    test('a new name or topic of one’s own is no reading', async () => {
      const { roomId, ann, ben } = await newRoom()
      await count(ann, roomId)
      await send(roomId, ben, {})

      await hs.sendEvent(roomId, {
        ...{ type: 'm.room.member', sender: ann, stateKey: ann },
        content: { membership: 'join', displayname: 'Anna' },
      })
      await hs.sendEvent(roomId, { type: 'm.room.topic', sender: ann, stateKey: '', content: { topic: 'x' } })

      expect(await count(ann, roomId)).toEqual([1, 0])
      expect(await afresh((restarted) => count(ann, roomId, restarted))).toEqual([1, 0])
    })

    test('what is redacted counts no more', async () => {
      const { roomId, ann, ben } = await newRoom()
      const loud = await send(roomId, ann, mentioning(ben))
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([2, 1])

      await redact(roomId, ann, loud)

      expect(await count(ben, roomId)).toEqual([1, 0])
    })

    test('an edit in a thread that calls somebody belongs to the thread', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await send(roomId, ann, {})
      const answer = await reply(roomId, ann, root)
      await read(ben, roomId, answer)
      expect(await threads(ben, roomId)).toEqual({})

      const edit = await relate(roomId, ann, 'm.replace', answer, mentioning(ben))
      expect(await threads(ben, roomId)).toEqual({ [root]: [1, 1] })
      await read(ben, roomId, edit, root)
      expect(await threads(ben, roomId)).toEqual({})
    })

    test('a thread is read at an edit of its root, or a reaction to it, too', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await send(roomId, ann, {})
      await reply(roomId, ann, root)
      const edit = await relate(roomId, ann, 'm.replace', root)
      const elsewhere = await relate(roomId, ann, 'm.replace', await send(roomId, ann, {}))

      await expect(read(ben, roomId, elsewhere, root)).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
      await read(ben, roomId, edit, root)

      expect(await threads(ben, roomId)).toEqual({ main: [2, 0] })
    })

    test('of two receipts at once the further one stays, whichever comes first', async () => {
      const { roomId, ann, ben } = await newRoom()
      const events: EventId[] = []
      for (let i = 0; i < 3; i++) events.push(await send(roomId, ann, {}))

      await Promise.all([read(ben, roomId, events[2]!), read(ben, roomId, events[0]!), read(ben, roomId, events[1]!)])

      expect(await count(ben, roomId)).toEqual([0, 0])
      const [receipt] = await hs.receipts.readOwn(ben, roomId)
      expect(receipt?.event_id).toBe(events[2])
    })

    test('somebody who left has nothing unread, and begins anew on coming back', async () => {
      const { roomId, ann, ben } = await newRoom()
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([1, 0])

      await hs.leaveRoom({ roomId, sender: ben })
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([0, 0])
      await hs.joinRoom({ roomId, sender: ben })
      expect(await count(ben, roomId)).toEqual([0, 0])
      await send(roomId, ann, {})
      expect(await count(ben, roomId)).toEqual([1, 0])
    })
  })

  describe('checkpoints', () => {
    const many = (roomId: RoomId, sender: UserId, n: number) =>
      Promise.all(Array.from({ length: n }, () => send(roomId, sender, {})))
    const written = async () => {
      clock.advance(1_000)
      await db.commit(() => ({ writes: [], changes: [], result: undefined })) // the checkpoint went before it
    }

    test('no row is written for an event, and one for five hundred', async () => {
      const { roomId, ann, ben } = await newRoom()
      await count(ben, roomId)
      const rows = async () => (await db.query('SELECT * FROM push_count:[$ben, NONE]..[$ben, ..]', { ben }))[0]

      await many(roomId, ann, 490)
      await written()
      expect(await rows()).toEqual([])
      await many(roomId, ann, 20)
      await written()
      expect(await rows()).toMatchObject([{ threads: expect.stringContaining('"notification_count":510') }])
    })

    test('what was read from disk for a count is not read again at the next start', async () => {
      const { roomId, ann, ben } = await newRoom()
      await many(roomId, ann, 90)
      const counted = async (restarted: TestSyncing) => {
        const pages: number[] = []
        const { readTimeline } = restarted.rooms
        restarted.rooms.readTimeline = async (room, from, to) => {
          const page = await readTimeline(room, from, to)
          pages.push(page.length)
          return page
        }
        return { count: await count(ben, roomId, restarted), pages }
      }

      expect(await afresh(counted)).toEqual({ count: [90, 0], pages: [expect.any(Number)] })
      await db.commit(() => ({ writes: [], changes: [], result: undefined })) // what the close wrote went before it
      expect(await afresh(counted)).toEqual({ count: [90, 0], pages: [] })
    })

    test('a thread that was read by half since is counted anew, one that was read whole is left out', async () => {
      const { roomId, ann, ben } = await newRoom()
      await count(ben, roomId)
      await many(roomId, ann, 300)
      const root = await send(roomId, ann, {})
      const half = await reply(roomId, ann, root)
      const last = await reply(roomId, ann, root, mentioning(ben))
      await many(roomId, ann, 260)
      await written()
      expect(await afresh((restarted) => threads(ben, roomId, restarted))).toEqual({ main: [561, 0], [root]: [2, 1] })

      await read(ben, roomId, half, root)
      expect((await afresh((restarted) => threads(ben, roomId, restarted)))[root]).toEqual([1, 1])
      await read(ben, roomId, last, root)
      expect((await afresh((restarted) => threads(ben, roomId, restarted)))[root]).toBeUndefined()
    })

    test('what was counted and is redacted since does not count after a restart either', async () => {
      const { roomId, ann, ben } = await newRoom()
      await count(ben, roomId)
      const loud = await send(roomId, ann, mentioning(ben))
      await many(roomId, ann, 510)
      await written()
      expect(await afresh((restarted) => count(ben, roomId, restarted))).toEqual([511, 1])

      await redact(roomId, ann, loud)
      expect((await afresh((restarted) => count(ben, roomId, restarted)))[1]).toBe(0)
    })

    test('other rules make it void', async () => {
      const { roomId, ann, ben } = await newRoom()
      await count(ben, roomId)
      await many(roomId, ann, 510)
      await written()
      await pushRules.setPushRule(ben, 'room', roomId, { actions: [] }, {})

      expect(await afresh((restarted) => count(ben, roomId, restarted))).toEqual([0, 0])
    })
  })

  describe('interleavings', () => {
    /** A syncing whose timeline reads wait until they are let go. */
    async function heldOpen() {
      let letGo = () => {}
      let isHeld = false
      const held = new Promise<void>((resolve) => {
        letGo = resolve
      })
      const rooms: Rooms = {
        ...hs.rooms,
        async readTimeline(...range) {
          const page = await hs.rooms.readTimeline(...range)
          isHeld = true
          await held
          return page
        },
      }
      const slow = await makeTestSyncing(db, { clock, rooms })
      const untilHeld = async () => {
        while (!isHeld) await new Promise((resolve) => setImmediate(resolve))
      }
      return { slow, letGo, untilHeld }
    }
    const manyUnread = async () => {
      const room = await newRoom()
      await Promise.all(Array.from({ length: 80 }, () => send(room.roomId, room.ann, {})))
      return room
    }

    test('what comes while the room is walked is counted once', async () => {
      const { roomId, ann, ben } = await manyUnread()
      const { slow, letGo, untilHeld } = await heldOpen()
      const counted = count(ben, roomId, slow)
      await untilHeld()

      await send(roomId, ann, mentioning(ben))
      letGo()

      expect(await counted).toEqual([81, 1])
      await send(roomId, ann, {})
      expect(await count(ben, roomId, slow)).toEqual([82, 1])
      slow.close()
    })

    test.each<
      [
        string,
        (room: Awaited<ReturnType<typeof newRoom>>, last: EventId, slow: TestSyncing) => Promise<unknown>,
        number[],
      ]
    >([
      [
        'read',
        ({ roomId, ben }, eventId, { operations }) =>
          operations.setReceipt({ userId: ben, roomId, eventId, receiptType: 'm.read' }),
        [0, 0],
      ],
      ['redacted', ({ roomId, ann }, last) => redact(roomId, ann, last), [80, 0]],
      ['muted', ({ roomId, ben }) => pushRules.setPushRule(ben, 'room', roomId, { actions: [] }, {}), [0, 0]],
      ['left', ({ roomId, ben }) => hs.leaveRoom({ roomId, sender: ben }), [0, 0]],
    ])('what is %s while the room is walked is not forgotten', async (_, happen, expected) => {
      const room = await manyUnread()
      const last = await send(room.roomId, room.ann, {})
      const { slow, letGo, untilHeld } = await heldOpen()
      const counted = count(room.ben, room.roomId, slow)
      await untilHeld()

      await happen(room, last, slow)
      letGo()

      expect(await counted).toEqual(expected)
      expect(await count(room.ben, room.roomId, slow)).toEqual(expected)
      slow.close()
    })
  })

  test('however it came about, the count in memory is that of a restarted server', async () => {
    const step = fc.record({
      who: fc.nat(2),
      what: fc.constantFrom('say', 'say', 'say', 'call', 'reply', 'reply', 'react', 'edit', 'topic', 'notice', 'name'),
      after: fc.constantFrom('', '', '', 'read', 'read', 'readThread', 'redact', 'keyword', 'mute', 'ignore', 'leave'),
      at: fc.nat(1_000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const { roomId, ann, ben } = await newRoom()
        const cat = newUser('cat')
        await hs.joinRoom({ roomId, sender: cat })
        const users = [ann, ben, cat]
        const events: EventId[] = [await send(roomId, ann, {})]
        const roots = [events[0]!]
        for (const { who, what, after, at } of steps) {
          const sender = users[who]!
          const other = users[(who + 1) % 3]!
          const past = events[at % events.length]!
          const root = roots[at % roots.length]!
          const sent = await sendOne(what, roomId, sender, other, past, root).catch(refused)
          if (sent) events.push(sent)
          if (sent && what === 'say') roots.push(sent)
          await happen(after, roomId, other, past, root).catch(refused)
          // Asked in between by one of them, so that some counts move and others are walked.
          if (at % 3 === 0) await count(other, roomId)
        }
        const memory: unknown[] = []
        for (const userId of users) memory.push(await threads(userId, roomId))
        const fresh = await afresh(async (restarted) => {
          const all: unknown[] = []
          for (const userId of users) all.push(await threads(userId, roomId, restarted))
          return all
        })
        expect(memory).toEqual(fresh)
      }),
      { numRuns: 25, seed: Number(process.env.HEARTH_TEST_SEED ?? 7) },
    )
  }, 120_000)

  /** Somebody who left may not write: that is a step that does nothing. */
  function refused(error: { errcode?: string }): undefined {
    if (error.errcode !== 'M_FORBIDDEN') throw error
  }

  async function sendOne(what: string, roomId: RoomId, sender: UserId, other: UserId, past: EventId, root: EventId) {
    switch (what) {
      case 'call':
        return send(roomId, sender, mentioning(other))
      case 'reply':
        return reply(roomId, sender, root, mentioning(other))
      case 'react':
        return relate(roomId, sender, 'm.annotation', past)
      case 'edit':
        return relate(roomId, sender, 'm.replace', past, mentioning(other))
      case 'notice':
        return send(roomId, sender, { msgtype: 'm.notice' })
      case 'topic':
        return hs.sendEvent(roomId, { type: 'm.room.topic', sender, stateKey: '', content: { topic: past } })
      case 'name': {
        const content = { membership: 'join', displayname: `name ${past}` }
        return hs.sendEvent(roomId, { type: 'm.room.member', sender, stateKey: sender, content })
      }
      default:
        return send(roomId, sender, { body: 'some cake' })
    }
  }

  async function happen(after: string, roomId: RoomId, who: UserId, past: EventId, root: EventId): Promise<unknown> {
    switch (after) {
      case 'read':
        return read(who, roomId, past)
      case 'readThread':
        return read(who, roomId, root, root)
      case 'redact':
        return redact(roomId, who, past)
      case 'keyword':
        return pushRules.setPushRule(who, 'content', 'k', { pattern: 'cake', actions: ['notify', highlight] }, {})
      case 'mute':
        return pushRules.setPushRule(who, 'room', roomId, { actions: [] }, {})
      case 'ignore':
        return ignore(who, ...((await hs.rooms.get(roomId))?.localMembers.keys() ?? []))
      case 'leave':
        await hs.leaveRoom({ roomId, sender: who })
        return hs.joinRoom({ roomId, sender: who })
      default:
        return undefined
    }
  }
})
