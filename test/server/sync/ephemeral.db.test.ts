/** Typing, receipts, read markers, presence and unread counts, as /sync, other servers and the live tables are told. */
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { VersionedCache } from '../../../server/kernel/versioned-cache.js'
import { openTestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'
import { type Answer, makeTestSyncing, only, type TestSyncing } from '../../support/syncing.js'

describe('what is not of the room’s history', async () => {
  const db = await openTestDatabase()
  const clock = fakeClock(Date.now())
  let hs: TestSyncing
  let names = 0
  beforeAll(async () => {
    hs = await makeTestSyncing(db, { clock })
  })
  const newUser = (name: string) => user(`${name}${++names}`)

  async function newRoom(): Promise<{ roomId: RoomId; ann: UserId; ben: UserId }> {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await hs.createRoom({ creator: ann, preset: 'public_chat' })
    await hs.joinRoom({ roomId, sender: ben })
    return { roomId, ann, ben }
  }
  const ephemeral = (answer: Answer, type: string) =>
    only(answer).ephemeral.events.find((event) => event.type === type)?.content
  const read = (
    userId: UserId,
    roomId: RoomId,
    eventId: EventId,
    threadId?: string,
    receiptType: 'm.read' | 'm.read.private' = 'm.read',
  ) => hs.operations.setReceipt({ userId, roomId, receiptType, eventId, threadId })
  const reply = (roomId: RoomId, sender: UserId, root: EventId, body = 'reply') =>
    hs.sendEvent(roomId, {
      type: 'm.room.message',
      sender,
      content: { msgtype: 'm.text', body, 'm.relates_to': { rel_type: 'm.thread', event_id: root } },
    })

  describe('typing', () => {
    test('is told until it ends by itself, and not twice', async () => {
      const { roomId, ann, ben } = await newRoom()
      const device = hs.device(ann)
      const start = await device.sync()

      await hs.operations.setTyping(ben, roomId, 10_000)
      const typing = await device.sync({ since: start.next_batch })
      const quiet = await device.sync({ since: typing.next_batch })
      clock.advance(10_001)
      const over = await device.sync({ since: quiet.next_batch })

      expect(ephemeral(typing, 'm.typing')).toEqual({ user_ids: [ben] })
      expect(quiet.rooms).toBeUndefined()
      expect(ephemeral(over, 'm.typing')).toEqual({ user_ids: [] })
      expect(hs.typingRows.slice(-2)).toEqual([`+ ${ben}`, `- ${ben}`])
    })

    test('wakes those who wait in the room', async () => {
      const { roomId, ann, ben } = await newRoom()
      const device = hs.device(ann)
      const start = await device.sync()
      const waiting = device.sync({ since: start.next_batch, timeoutMs: 60_000 })
      while (hs.notifier.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 1))

      await hs.operations.setTyping(ben, roomId, 10_000)

      expect(ephemeral(await waiting, 'm.typing')).toEqual({ user_ids: [ben] })
      await hs.operations.setTyping(ben, roomId, undefined)
    })

    test('ends when the user leaves the room, and is refused to who is not in it', async () => {
      const { roomId, ben } = await newRoom()
      await hs.operations.setTyping(ben, roomId, 10_000)

      await hs.leaveRoom({ roomId, sender: ben })

      expect(hs.typing.usersIn(roomId)).toEqual([])
      await expect(hs.operations.setTyping(ben, roomId, 10_000)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    })

    test('of another server’s user counts only where the user is in the room', async () => {
      const { roomId } = await newRoom()

      await hs.typing.receive({ roomId, userId: user('stranger', 'elsewhere.test'), isTyping: true })

      expect(hs.typing.usersIn(roomId)).toEqual([])
    })
  })

  describe('receipts', () => {
    test('of a room whose receipts have gone out of memory since are told', async () => {
      const { roomId, ann, ben } = await newRoom()
      const event = await hs.sendText(roomId, ann, 'hello')
      const device = hs.device(ann)
      const start = await device.sync()
      await read(ben, roomId, event)
      const out = vi.spyOn(VersionedCache.prototype, 'peek').mockReturnValue(undefined)

      const answer = await device.sync({ since: start.next_batch })
      out.mockRestore()

      expect(ephemeral(answer, 'm.receipt')).toMatchObject({ [event]: { 'm.read': { [ben]: {} } } })
    })

    test('are told to the room, private ones to their owner alone', async () => {
      const { roomId, ann, ben } = await newRoom()
      const said = await hs.sendText(roomId, ann, 'hello')
      const [hers, his] = [hs.device(ann), hs.device(ben)]
      const [a, b] = [await hers.sync(), await his.sync()]

      await read(ben, roomId, said, undefined, 'm.read.private')
      const secret = await hers.sync({ since: a.next_batch })
      const own = await his.sync({ since: b.next_batch })
      await read(ben, roomId, said)
      const open = await hers.sync({ since: a.next_batch })

      expect(secret.rooms).toBeUndefined()
      expect(ephemeral(own, 'm.receipt')).toEqual({ [said]: { 'm.read.private': { [ben]: { ts: clock.now() } } } })
      expect(ephemeral(open, 'm.receipt')).toEqual({ [said]: { 'm.read': { [ben]: { ts: clock.now() } } } })
    })

    test('move forward only', async () => {
      const { roomId, ann, ben } = await newRoom()
      const first = await hs.sendText(roomId, ann, 'one')
      const second = await hs.sendText(roomId, ann, 'two')

      await read(ben, roomId, second)
      await read(ben, roomId, first)

      expect((await hs.receipts.readOwn(ben, roomId)).map(({ event_id }) => event_id)).toEqual([second])
    })

    test('of a thread are kept apart, and only for events of that thread', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await hs.sendText(roomId, ann, 'root')
      const inThread = await reply(roomId, ann, root)
      const outside = await hs.sendText(roomId, ann, 'outside')

      await read(ben, roomId, inThread, root)
      await read(ben, roomId, outside, 'main')

      const kept = (await hs.receipts.readOwn(ben, roomId)).map(({ thread_id, event_id }) => [thread_id, event_id])
      expect(kept.sort()).toEqual(
        [
          [root, inThread],
          ['main', outside],
        ].sort(),
      )
      await expect(read(ben, roomId, outside, root)).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
      await expect(read(ben, roomId, inThread, 'main')).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
      await expect(read(ben, roomId, inThread, '')).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    })

    test('for an event of another room, or by a stranger, are refused', async () => {
      const [one, two] = [await newRoom(), await newRoom()]
      const said = await hs.sendText(one.roomId, one.ann, 'here')

      await expect(read(two.ben, two.roomId, said)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' })
      await expect(read(two.ben, one.roomId, said)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    })

    test('of another server are taken for its users in the room, for events that are not here yet too', async () => {
      const { roomId, ann } = await newRoom()
      const eventId = '$not-here-yet' as EventId
      const start = await hs.device(ann).sync()
      const edu = { roomId, receiptType: 'm.read' as const, eventId, ts: 5 }

      await hs.receipts.receive([
        { ...edu, userId: user('stranger', 'elsewhere.test') },
        { ...edu, userId: ann },
      ])

      const later = await hs.device(ann).sync({ since: start.next_batch })
      expect(ephemeral(later, 'm.receipt')).toEqual({ [eventId]: { 'm.read': { [ann]: { ts: 5 } } } })
    })

    test('are the same after a restart', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await hs.sendText(roomId, ann, 'root')
      await read(ben, roomId, root)
      await read(ben, roomId, await reply(roomId, ann, root), root)

      const restarted = await makeTestSyncing(db)

      expect(await restarted.receipts.readOwn(ben, roomId)).toEqual(
        expect.arrayContaining(await hs.receipts.readOwn(ben, roomId)),
      )
      restarted.close()
    })
  })

  test('the read marker is account data of the room and moves forward only', async () => {
    const { roomId, ann, ben } = await newRoom()
    const [first, second] = [await hs.sendText(roomId, ann, 'one'), await hs.sendText(roomId, ann, 'two')]
    const device = hs.device(ben)
    const start = await device.sync()

    await hs.operations.setFullyRead(ben, roomId, second)
    await hs.operations.setFullyRead(ben, roomId, first)

    const later = only(await device.sync({ since: start.next_batch }))
    expect(later.account_data.events).toEqual([{ type: 'm.fully_read', content: { event_id: second } }])
  })

  describe('unread counts', () => {
    const count = (userId: UserId, roomId: RoomId) => hs.unreadCounts.countUnread(userId, roomId)

    test('count others’ messages, mentions apart, until they are read', async () => {
      const { roomId, ann, ben } = await newRoom()
      const before = await count(ben, roomId)
      const first = await hs.sendText(roomId, ann, 'one')
      await hs.sendEvent(roomId, {
        type: 'm.room.message',
        sender: ann,
        content: { msgtype: 'm.text', body: 'ben!', 'm.mentions': { user_ids: [ben] } },
      })
      await hs.sendEvent(roomId, { type: 'm.room.message', sender: ann, content: { msgtype: 'm.notice', body: 'bot' } })
      await hs.sendEvent(roomId, { type: 'm.reaction', sender: ann, content: {} })
      const unread = await count(ben, roomId)
      await read(ben, roomId, first, undefined, 'm.read.private')
      const rest = await count(ben, roomId)
      const sender = await count(ann, roomId)

      expect(before).toEqual({ notification_count: 0, highlight_count: 0 })
      expect(unread).toEqual({ notification_count: 2, highlight_count: 1 })
      expect(rest).toEqual({ notification_count: 1, highlight_count: 1 })
      expect(sender).toEqual({ notification_count: 0, highlight_count: 0 })
    })

    test('a room mention calls everybody if its sender may', async () => {
      const { roomId, ann, ben } = await newRoom()
      const all = {
        type: 'm.room.message',
        content: { msgtype: 'm.text', body: '@room', 'm.mentions': { room: true } },
      }
      await hs.sendEvent(roomId, { ...all, sender: ann })
      await hs.sendEvent(roomId, { ...all, sender: ben })

      expect((await count(ben, roomId)).highlight_count).toBe(0) // he spoke after it
      await hs.sendEvent(roomId, { ...all, sender: ann })
      expect((await count(ben, roomId)).highlight_count).toBe(1)
      await hs.sendEvent(roomId, { ...all, sender: ben })
      expect((await count(ann, roomId)).highlight_count).toBe(0)
    })

    test('start at the joining, and are the same counted event by event or afresh', async () => {
      const { roomId, ann } = await newRoom()
      const cat = newUser('cat')
      for (let i = 0; i < 5; i++) await hs.sendText(roomId, ann, 'before')
      await hs.joinRoom({ roomId, sender: cat })
      expect((await count(cat, roomId)).notification_count).toBe(0)
      for (let i = 0; i < 150; i++) await hs.sendText(roomId, ann, 'after')

      const restarted = await makeTestSyncing(db)
      expect((await count(cat, roomId)).notification_count).toBe(150)
      expect((await restarted.unreadCounts.countUnread(cat, roomId)).notification_count).toBe(150)
      restarted.close()
    })

    test('threads are counted apart where a client asks for it', async () => {
      const { roomId, ann, ben } = await newRoom()
      const root = await hs.sendText(roomId, ann, 'root')
      const last = await reply(roomId, ann, root)
      await reply(roomId, ann, root, 'another')
      const device = hs.device(ben)
      const filter = { room: { timeline: { unread_thread_notifications: true } } }

      const threaded = only(await device.sync({ filter }))
      const whole = only(await device.sync())
      await read(ben, roomId, last, root)
      const later = only(await device.sync({ filter }))

      expect(threaded.unread_notifications.notification_count).toBe(1)
      expect(threaded.unread_thread_notifications).toEqual({ [root]: { notification_count: 2, highlight_count: 0 } })
      expect(whole.unread_notifications.notification_count).toBe(3)
      expect(later.unread_thread_notifications).toEqual({ [root]: { notification_count: 1, highlight_count: 0 } })
    })

    test('far more than one walk reads are counted with the help of a checkpoint', async () => {
      const { roomId, ann, ben } = await newRoom()
      expect((await count(ben, roomId)).notification_count).toBe(0)
      await Promise.all(Array.from({ length: 700 }, (_, i) => hs.sendText(roomId, ann, `m${i}`)))
      expect((await count(ben, roomId)).notification_count).toBe(700)
      clock.advance(1_000)
      await db.commit(() => ({ writes: [], changes: [], result: undefined })) // checkpoints went before it

      const restarted = await makeTestSyncing(db)
      expect((await restarted.unreadCounts.countUnread(ben, roomId)).notification_count).toBe(700)
      restarted.close()
    })
  })

  describe('presence', () => {
    const presenceOf = (answer: Answer, userId: UserId) =>
      answer.presence?.events.find(({ sender }) => sender === userId)?.content

    test('a user who syncs is online to those they share a room with, and to nobody else', async () => {
      const { ann, ben } = await newRoom()
      const eve = newUser('eve')
      const [hers, stranger] = [hs.device(ann), hs.device(eve)]
      const [a, e] = [await hers.sync(), await stranger.sync()]

      await hs.device(ben).sync({ setPresence: 'online' })

      expect(presenceOf(await hers.sync({ since: a.next_batch }), ben)).toMatchObject({
        presence: 'online',
        currently_active: true,
      })
      expect(presenceOf(await stranger.sync({ since: e.next_batch }), ben)).toBeUndefined()
      expect(await hs.operations.readPresenceOf(ann, ben)).toMatchObject({ presence: 'online' })
      await expect(hs.operations.readPresenceOf(eve, ben)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    })

    test('who joins a room is told who is there, and they of who came', async () => {
      const { roomId, ben } = await newRoom()
      const eve = newUser('eve')
      const [his, hers] = [hs.device(ben), hs.device(eve)]
      await his.sync({ setPresence: 'online' })
      const e = await hers.sync({ setPresence: 'online' })
      const quiet = await hers.sync({ since: e.next_batch, setPresence: 'online' })
      const h = await his.sync({ setPresence: 'online' })
      expect(presenceOf(quiet, ben)).toBeUndefined()

      await hs.joinRoom({ roomId, sender: eve })

      const joined = await hers.sync({ since: quiet.next_batch, setPresence: 'online' })
      expect(presenceOf(joined, ben)).toMatchObject({ presence: 'online' })
      expect(presenceOf(await his.sync({ since: h.next_batch }), eve)).toMatchObject({ presence: 'online' })
      expect(presenceOf(await hers.sync({ since: joined.next_batch, setPresence: 'online' }), ben)).toBeUndefined()
    })

    test('a device that stops syncing is offline after half a minute', async () => {
      const { ann, ben } = await newRoom()
      await hs.device(ben).sync({ setPresence: 'online' })
      const start = await hs.device(ann).sync()

      clock.advance(40_000)

      expect(presenceOf(await hs.device(ann).sync({ since: start.next_batch }), ben)).toMatchObject({
        presence: 'offline',
      })
    })

    test('a user who does nothing is unavailable after five minutes, and back on sending', async () => {
      const { roomId, ben } = await newRoom()
      hs.presence.onSync(ben, 'sid', 'online')

      clock.advance(290_000)
      const soon = hs.presence.of(ben)?.presence
      clock.advance(15_000)
      const idle = hs.presence.of(ben)?.presence
      await hs.sendText(roomId, ben, 'back')

      expect([soon, idle, hs.presence.of(ben)?.presence]).toEqual(['online', 'unavailable', 'online'])
      hs.presence.onSyncEnd(ben, 'sid')
    })

    test('a status message is told with the presence, and an unchanged presence is written once a minute at most', async () => {
      const { ann, ben } = await newRoom()
      const start = await hs.device(ann).sync()
      hs.operations.setPresence(ben, 'sid', 'online', 'at lunch')
      const before = hs.presenceRows.length
      for (let i = 0; i < 20; i++) hs.presence.onActivity(ben)
      const during = hs.presenceRows.length
      clock.advance(61_000)

      const told = presenceOf(await hs.device(ann).sync({ since: start.next_batch }), ben)
      expect(told).toMatchObject({ status_msg: 'at lunch' })
      expect(during - before).toBe(0)
    })

    test('of a user of another server wakes those who are in a room with them, and nobody else', async () => {
      const { roomId, ann } = await newRoom()
      const eve = newUser('eve')
      await Promise.all([hs.device(ann).sync(), hs.device(eve).sync()])
      const wakes = () => [ann, eve].map((userId) => hs.notifier.count(userId))
      const before = wakes()

      const userId = user('remy', 'elsewhere.test')
      hs.presence.receive([{ userId, presence: 'online', isCurrentlyActive: true, roomIds: [roomId] }])

      expect(wakes()).toEqual([before[0]! + 1, before[1]])
    })

    test('of a user of another server is forgotten, row and all, a day after they went', async () => {
      const { roomId } = await newRoom()
      const userId = user('rosa', 'elsewhere.test')
      const told = { userId, isCurrentlyActive: false, roomIds: [roomId] }
      hs.presence.receive([{ ...told, presence: 'online' }])
      clock.advance(26 * 3_600_000)
      expect(hs.presence.of(userId)?.presence).toBe('online')
      hs.presence.receive([{ ...told, presence: 'offline' }])

      clock.advance(23 * 3_600_000)
      expect(hs.presence.of(userId)).toBeDefined()
      clock.advance(2 * 3_600_000)

      expect(hs.presence.of(userId)).toBeUndefined()
      expect(hs.forgottenPresence).toContain(userId)
    })
  })
})
