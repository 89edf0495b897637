/** Servers that hold the same events hold the same state: two sides, whose only contact are the events they hand over. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import type { Snapshot } from '../../../server/rooms/room.js'
import { setStateChunk } from '../../../server/store/room-store.js'
import { openTestDatabase } from '../../support/database.js'
import { makeSigner, makeTestRooms, user } from '../../support/rooms.js'
import { buildOn, heldIds } from '../../support/views.js'

type Side = Awaited<ReturnType<typeof makeTestRooms>>

const a = user('a', 'one.test')
const b = user('b', 'two.test')
const c = user('c', 'one.test')
const d = user('d', 'two.test')
const other = makeSigner('two.test', 2)

const member = (target: UserId, membership: string, sender = target): EventDraft => ({
  ...{ type: 'm.room.member', stateKey: target, sender },
  content: { membership },
})
const topic = (sender: UserId, text: string): EventDraft => ({
  ...{ type: 'm.room.topic', stateKey: '', sender },
  content: { topic: text },
})
const text = (sender: UserId, body: string): EventDraft => ({ type: 'm.room.message', sender, content: { body } })

async function roomOf({ rooms }: Side, roomId: RoomId) {
  const room = await rooms.get(roomId)
  if (!room) throw new Error('no room')
  return room
}
/** An event of the other server, built on the room as some side holds it. */
const build = ({ rooms }: Side, room: Snapshot, draft: EventDraft, ts = Date.now()): Promise<PduEvent> =>
  buildOn(rooms, room, draft, other, ts)
/** Events of the timeline, oldest first. */
async function eventsOf(side: Side, roomId: RoomId): Promise<PduEvent[]> {
  const { maxSeq } = await roomOf(side, roomId)
  const timeline = await side.rooms.readTimeline(roomId, 1, maxSeq)
  return timeline.map(({ eventId, roomId: ofRoom, pdu }) => ({ eventId, roomId: ofRoom, pdu }))
}
const stateOf = async (side: Side, roomId: RoomId) => heldIds(side.rooms, await roomOf(side, roomId))
const topicIn = async (side: Side, roomId: RoomId) =>
  (await roomOf(side, roomId)).state.get('m.room.topic\u0000')?.pdu.content.topic
const tipsOf = async (side: Side, roomId: RoomId): Promise<EventId[]> =>
  (await roomOf(side, roomId)).extremities.map(({ eventId }) => eventId).sort()

/** The same room on two servers. */
async function twoSides() {
  const [db1, db2] = await Promise.all([openTestDatabase(), openTestDatabase()])
  const one = await makeTestRooms(db1, makeSigner('one.test', 1))
  const two = await makeTestRooms(db2, makeSigner('two.test', 2))
  const roomId = await one.createRoom({
    creator: a,
    preset: 'public_chat',
    roomVersion: '11',
    powerLevelContentOverride: { users: { [a]: 100, [b]: 100 }, state_default: 50 },
  })
  await one.joinRoom({ roomId, sender: c })
  for (const userId of [b, d])
    await one.acceptPdu(roomId, await build(one, await roomOf(one, roomId), member(userId, 'join')))
  const events = await eventsOf(one, roomId)
  const [create] = events
  const join = events.at(-1)
  if (!create || !join) throw new Error('no events')
  const ids = [...(await stateOf(one, roomId)).values()].filter((eventId) => eventId !== join.eventId)
  await two.importRoom({
    roomId,
    rules: (await roomOf(one, roomId)).rules,
    createEvent: create,
    state: await one.rooms.readEvents(ids),
    authChain: [],
    joinEvent: join,
  })
  const close = () => Promise.all([db1[Symbol.asyncDispose](), db2[Symbol.asyncDispose]()])
  return { one, two, roomId, [Symbol.asyncDispose]: async () => void (await close()) }
}

/** Hands over what the one side has and the other lacks, soft-failed and rejected events too, in the order of their depth. */
async function heal(from: Side, to: Side, roomId: RoomId, extra: readonly PduEvent[] = []): Promise<string[]> {
  const events = [...(await eventsOf(from, roomId)), ...extra].sort((x, y) => x.pdu.depth - y.pdu.depth)
  const outcomes: string[] = []
  for (const event of events) {
    if (await to.rooms.readEvent(event.eventId)) continue
    outcomes.push((await to.acceptPdu(roomId, event)).status)
  }
  return outcomes
}

describe('after a partition', () => {
  test('what stands on a soft-failed event takes what lies behind it out of the ends of the room', async () => {
    await using sides = await twoSides()
    const { one, two, roomId } = sides
    const sendOne = (draft: EventDraft) => one.sendEvent(roomId, draft)
    const sendTwo = (draft: EventDraft) => two.sendEvent(roomId, draft)
    await sendOne(topic(a, 'A'))
    await sendOne(member(d, 'ban', a))
    await sendTwo(topic(b, 'B'))
    await sendTwo({
      ...{ type: 'm.room.power_levels', stateKey: '', sender: b },
      content: { users: { [a]: 100, [b]: 100, [d]: 50 }, state_default: 50 },
    })
    await sendTwo(topic(d, 'D'))
    const kick = await sendTwo(member(c, 'leave', b))

    const fromOne = await eventsOf(one, roomId)
    const outcomes = await heal(two, one, roomId)
    for (const event of fromOne) if (!(await two.rooms.readEvent(event.eventId))) await two.acceptPdu(roomId, event)

    expect(outcomes).toContain('soft_failed')
    expect(await topicIn(one, roomId)).toBe('A')
    expect(await topicIn(two, roomId)).toBe('A')
    expect(await stateOf(one, roomId)).toEqual(await stateOf(two, roomId))
    expect(await tipsOf(one, roomId)).toEqual(await tipsOf(two, roomId))
    expect(await tipsOf(one, roomId)).toContain(kick)
    const fresh = await makeTestRooms(one.rooms.db, makeSigner('one.test', 1))
    expect(await stateOf(fresh, roomId)).toEqual(await stateOf(one, roomId))
    expect(await fresh.rooms.readStateNode(roomId, (await roomOf(fresh, roomId)).node)).toEqual(
      await stateOf(one, roomId),
    )
  })
})

describe('the ends of a room', () => {
  test('a late event that an accepted one names does not become one', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    const before = await roomOf(one, roomId)
    const early = await build(one, before, text(b, 'early'))
    const end = { eventId: early.eventId, depth: early.pdu.depth, node: before.node, reference: early.eventId }
    const later = await build(one, { ...before, extremities: [end] }, text(b, 'later'))

    await one.acceptPdu(roomId, later, { stateBefore: await one.rooms.readStateNode(roomId, before.node) })
    const tips = await tipsOf(one, roomId)
    expect((await one.acceptPdu(roomId, early)).status).toBe('accepted')

    expect(await tipsOf(one, roomId)).toEqual(tips.filter((id) => id === later.eventId))
    const next = await one.sendEvent(roomId, text(a, 'next'))
    expect((await one.rooms.readEvent(next))?.pdu.prev_events).toEqual([later.eventId])
  })

  test('a late event stays out of them where only a soft-failed one names it that an accepted one names', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    const before = await roomOf(one, roomId)
    const stateBefore = await one.rooms.readStateNode(roomId, before.node)
    const on = (event: PduEvent) => [
      { eventId: event.eventId, depth: event.pdu.depth, node: before.node, reference: event.eventId },
    ]
    const early = await build(one, before, text(b, 'early'))
    const middle = await build(one, { ...before, extremities: on(early) }, text(d, 'of one who is banned by now'))
    const late = await build(one, { ...before, extremities: on(middle) }, text(b, 'late'))
    await one.banUser({ roomId, sender: a, target: d })

    expect((await one.acceptPdu(roomId, middle, { stateBefore })).status).toBe('soft_failed')
    expect((await one.acceptPdu(roomId, late)).status).toBe('accepted')
    const tips = await tipsOf(one, roomId)
    expect((await one.acceptPdu(roomId, early)).status).toBe('accepted')

    expect(tips).toContain(late.eventId)
    expect(await tipsOf(one, roomId)).toEqual(tips)
  })

  test('behind soft-failed events that came the newest first, what the oldest stands on is taken out of them', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    const before = await roomOf(one, roomId)
    const base = await build(one, before, text(b, 'base'))
    await one.acceptPdu(roomId, base)
    const based = await roomOf(one, roomId)
    const stateBefore = await one.rooms.readStateNode(roomId, based.node)
    const on = ({ eventId, pdu }: PduEvent) => ({
      ...based,
      extremities: [{ eventId, depth: pdu.depth, node: based.node, reference: eventId }],
    })
    const first = await build(one, based, text(d, 'of one who is banned by now'))
    const second = await build(one, on(first), text(d, 'and again'))
    const later = await build(one, on(second), text(b, 'later'))
    const ban = await build(one, before, member(d, 'ban', b))
    await one.acceptPdu(roomId, ban) // beside the base, which stays an end
    expect((await one.acceptPdu(roomId, second, { stateBefore })).status).toBe('soft_failed')
    expect((await one.acceptPdu(roomId, first)).status).toBe('soft_failed')
    expect(await tipsOf(one, roomId)).toContain(base.eventId)

    expect((await one.acceptPdu(roomId, later)).status).toBe('accepted')

    expect(await tipsOf(one, roomId)).toEqual([ban.eventId, later.eventId].sort())
  })

  test('a late event that is soft-failed, and named by an accepted one, takes what it stands on out of them', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    const before = await roomOf(one, roomId)
    const base = await build(one, before, text(b, 'base'))
    await one.acceptPdu(roomId, base)
    const based = await roomOf(one, roomId)
    const failing = await build(one, based, text(d, 'of one who is banned by now'))
    const end = { eventId: failing.eventId, depth: failing.pdu.depth, node: based.node, reference: failing.eventId }
    const later = await build(one, { ...based, extremities: [end] }, text(b, 'later'))
    const ban = await build(one, before, member(d, 'ban', b))
    await one.acceptPdu(roomId, ban) // beside the base, which stays an end
    const stateBefore = await one.rooms.readStateNode(roomId, based.node)
    await one.acceptPdu(roomId, later, { stateBefore })
    expect(await tipsOf(one, roomId)).toContain(base.eventId)

    expect((await one.acceptPdu(roomId, failing)).status).toBe('soft_failed')

    expect(await tipsOf(one, roomId)).toEqual([ban.eventId, later.eventId].sort())
  })
})

describe('what forks cost', () => {
  test('an event that merges two of three branches writes what differs, not the whole state', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    for (let i = 0; i < 150; i++)
      await one.acceptPdu(
        roomId,
        await build(one, await roomOf(one, roomId), member(user(`u${i}`, 'two.test'), 'join')),
      )
    const base = await roomOf(one, roomId)
    const forks = await Promise.all(
      ['x', 'y', 'z'].map((key) =>
        build(one, base, { type: 'test.state', stateKey: key, sender: b, content: { key } }),
      ),
    )
    for (const fork of forks) expect((await one.acceptPdu(roomId, fork)).status).toBe('accepted')
    const written = async () => {
      const [rows] = await one.rooms.db.query<[{ n: number; entries: string }[]]>(
        'SELECT n, entries FROM state_node:[$room, NONE]..[$room, ..]',
        { room: roomId },
      )
      return {
        nodes: rows.length,
        entries: rows.reduce((sum, row) => sum + Object.keys(JSON.parse(row.entries)).length, 0),
      }
    }
    const before = await written()
    const ends = forks
      .slice(0, 2)
      .map(({ eventId, pdu }) => ({ eventId, depth: pdu.depth, node: base.node, reference: eventId }))

    for (let i = 0; i < 10; i++)
      expect(
        (await one.acceptPdu(roomId, await build(one, { ...base, extremities: ends }, text(b, `m${i}`)))).status,
      ).toBe('accepted')

    const after = await written()
    expect(after.nodes - before.nodes).toBeLessThanOrEqual(20)
    expect(after.entries - before.entries).toBeLessThanOrEqual(20)
  })

  test('a whole copy is written behind the changes that add up to one, and is read instead of them', async () => {
    await using sides = await twoSides()
    const { one, roomId } = sides
    const cutOff = { n: 3, chunks: [0, 1] }
    await one.rooms.db.commit(() => ({
      writes: cutOff.chunks.map((index) => setStateChunk(roomId, cutOff.n, index, {})),
      ...{ changes: [], result: undefined },
    }))
    for (let i = 0; i < 270; i++) await one.sendEvent(roomId, topic(a, `topic ${i}`))
    const copies = async () => {
      const [rows] = await one.rooms.db.query<[number[]]>('SELECT VALUE n FROM state_copy:[$room, NONE]..[$room, ..]', {
        room: roomId,
      })
      return rows
    }
    await expect.poll(copies).toHaveLength(1)
    expect((await roomOf(one, roomId)).nodeWeight).toBeLessThan(100)
    const [copied] = await copies()
    const chunks = 'SELECT VALUE record::id(id)[1] FROM state_chunk:[$room, NONE]..[$room, ..]'
    expect((await one.rooms.db.query(chunks, { room: roomId }))[0]).toEqual([copied]) // and nothing of what was cut off
    await one.rooms.db.query('DELETE state_node:[$room, NONE]..[$room, $copied]', { room: roomId, copied })
    const { node } = await roomOf(one, roomId)
    expect(await (await makeTestRooms(one.rooms.db)).rooms.readStateNode(roomId, node)).toEqual(
      await stateOf(one, roomId),
    )
  })
})
