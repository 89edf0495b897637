/** After a run: what memory, database, /sync and live rows say of a room must be the same. */
import { expect } from 'vitest'
import { prevEventIds } from '../../server/events/pdu.js'
import type { EventId, RoomId } from '../../server/kernel/identifiers.js'
import { toStoredEvent } from '../../server/rooms/stored-event.js'
import { type ReadEventRow, readEventRows } from '../../server/store/event-store.js'
import { makeTestRooms } from '../support/rooms.js'
import type { Memory } from './steps.js'
import { alice, type World } from './world.js'

type Rows = Map<EventId, ReadEventRow>

export async function compare(world: World, memory: Memory, roomId: RoomId): Promise<void> {
  const rows = await readRows(world, roomId)
  await compareMemory(world, roomId, rows)
  compareEnds(await world.roomOf(roomId), rows)
  compareTimeline(rows)
  for (const eventId of memory.acknowledged.get(roomId) ?? [])
    expect(rows.has(eventId), `${eventId} was acknowledged`).toBe(true)
  await compareSync(world, roomId, rows)
  await compareLive(world, roomId, rows)
}

async function readRows({ db }: World, roomId: RoomId): Promise<Rows> {
  const [ids] = await db.query<[EventId[]]>(
    'SELECT VALUE record::id(id) FROM event WHERE room_id = $room OR at != NONE AND record::id(at)[0] = $room',
    { room: roomId },
  )
  return new Map((await readEventRows(db, ids)).map((row) => [row.event_id, row]))
}

async function compareMemory({ hs, db, roomOf }: World, roomId: RoomId, rows: Rows): Promise<void> {
  const held = await roomOf(roomId)
  const fresh = await makeTestRooms(db)
  const stored = await fresh.rooms.get(roomId)
  if (!stored) throw new Error('the room is not stored')
  const told = async (rooms: typeof hs.rooms, room: typeof held) => ({
    ...{
      maxSeq: room.maxSeq,
      minSeq: room.minSeq,
      node: room.node,
      nextNode: room.nextNode,
      movedPosition: room.movedPosition,
    },
    ...{ nodeWeight: room.nodeWeight, stateSize: room.stateSize },
    extremities: [...room.extremities].map(({ eventId, node }) => `${eventId} ${node}`).sort(),
    state: [...room.state]
      .filter(([key]) => !key.startsWith('m.room.member\u0000'))
      .map(([key, { eventId, pdu }]) => [key, eventId, pdu.content])
      .sort(),
    members: (await rooms.readMembers(room)).map(({ eventId, pdu }) => [pdu.state_key, eventId, pdu.content]).sort(),
    servers: [...(await rooms.readServers(room))].sort(),
    local: [...room.localMembers].sort(),
    counts: [room.joinedCount, room.invitedCount, room.localJoinedCount],
    waiting: [...room.waiting].map(([target, list]) => [target, list.map(({ eventId }) => eventId)]).sort(),
    // One that was just loaded has fewer of them.
    recent: room.recent
      .slice(-20)
      .map(({ eventId, seq, pdu, redactedBy, replaces }) => [seq, eventId, pdu.content, redactedBy, replaces]),
  })
  expect(await told(hs.rooms, held)).toEqual(await told(fresh.rooms, stored))

  const members = await hs.rooms.readMembers(held)
  const joined = members.filter(({ pdu }) => pdu.content.membership === 'join')
  expect(held.joinedCount).toBe(joined.length)
  const node = new Map([...(await fresh.rooms.readStateNode(roomId, stored.node))].sort())
  const current = new Map(
    [
      ...[...held.state].map(([key, { eventId }]) => [key, eventId] as const),
      ...members.map(({ pdu, eventId }) => [`m.room.member\u0000${pdu.state_key}`, eventId] as const),
    ].sort(),
  )
  expect(current).toEqual(node)
  for (const [eventId, row] of rows) {
    const remembered = await hs.rooms.readEvent(eventId)
    const { pdu, status, seq, redactedBy } = toStoredEvent(row)
    expect(remembered).toMatchObject({ status, pdu: { content: pdu.content } })
    expect([remembered?.seq, remembered?.redactedBy]).toEqual([seq, redactedBy])
  }
  for (const { pdu, eventId } of members) {
    const row = (await hs.rooms.membershipsOf(pdu.state_key as typeof alice)).get(roomId)
    expect([row?.membership, row?.eventId]).toEqual([pdu.content.membership, eventId])
  }
}

/** By the definition, from all events there are. */
function compareEnds({ extremities }: Awaited<ReturnType<World['roomOf']>>, rows: Rows): void {
  const named = new Set<EventId>()
  const visit = (eventId: EventId): void => {
    if (named.has(eventId)) return
    named.add(eventId)
    const row = rows.get(eventId)
    if (row?.status === 'soft_failed' || row?.status === 'rejected')
      for (const id of prevEventIds(JSON.parse(row.pdu))) visit(id)
  }
  const accepted = [...rows].filter(([, { status }]) => status === 'accepted')
  for (const [, { pdu }] of accepted) for (const id of prevEventIds(JSON.parse(pdu))) visit(id)
  const ends = accepted.map(([eventId]) => eventId).filter((eventId) => !named.has(eventId))
  expect(extremities.map(({ eventId }) => eventId).sort()).toEqual(ends.sort())
}

/** Dense, and every redaction in it is applied; every event stands on what is there. */
function compareTimeline(rows: Rows): void {
  const shown = [...rows].filter(([, { seq }]) => seq !== undefined).sort(([, a], [, b]) => (a.seq ?? 0) - (b.seq ?? 0))
  expect(shown.map(([, { seq }]) => seq)).toEqual(shown.map((_, at) => at + 1))
  for (const [eventId, { pdu, status }] of shown) {
    expect(status).toBe('accepted')
    const { type, content } = JSON.parse(pdu)
    if (type !== 'm.room.redaction') continue
    const target = content.redacts
    if (target)
      expect(
        rows.get(target)?.redacted_by,
        `${eventId} is shown, so its target is redacted: ${JSON.stringify([rows.get(eventId), rows.get(target)])}`,
      ).toBeDefined()
  }
  for (const { redacted_by: by, pdu } of rows.values()) {
    const { type, content } = JSON.parse(pdu)
    if (by && type === 'm.room.message') expect(content).toEqual({})
  }
}

/** Alice, who never leaves, is told all of it by a new client, in the order and form in which it is kept. */
async function compareSync({ hs }: World, roomId: RoomId, rows: Rows): Promise<void> {
  const filter = { room: { timeline: { limit: 500 } } }
  const answer = await hs.device(alice).sync({ filter, useStateAfter: true })
  const section = answer.rooms?.join?.[roomId]
  const shown = [...rows].filter(([, { seq }]) => seq !== undefined).sort(([, a], [, b]) => (a.seq ?? 0) - (b.seq ?? 0))
  const told = section?.timeline.events.map(({ event_id, content }) => [event_id, content]) ?? []
  const kept = shown.map(([eventId, { pdu }]) => [eventId, JSON.parse(pdu).content])
  expect(told).toEqual(kept.slice(-told.length))
  expect(told.length).toBeGreaterThanOrEqual(Math.min(kept.length, 100))
  const room = await hs.rooms.get(roomId)
  for (const { type, state_key, event_id } of section?.state_after.events ?? []) {
    if (type === 'm.room.member') continue
    expect(room?.state.get(`${type}\u0000${state_key}`)?.eventId).toBe(event_id)
  }
}

async function compareLive({ db, settled }: World, roomId: RoomId, rows: Rows): Promise<void> {
  await settled()
  const [live] = await db.query<
    [{ seq: number; event_id: EventId; event: { content: unknown }; redacted_by?: EventId }[]]
  >('SELECT seq, event_id, event, redacted_by FROM room_events:[$room, NONE]..[$room, ..]', { room: roomId })
  for (const { seq, event_id, event, redacted_by } of live) {
    const row = rows.get(event_id)
    expect(row?.seq, `${event_id} is a live row`).toBe(seq)
    expect(event.content).toEqual(JSON.parse(row?.pdu ?? '{}').content)
    expect(redacted_by).toBe(row?.redacted_by)
  }
  const newest = [...rows.values()].reduce((max, { seq }) => Math.max(max, seq ?? 0), 0)
  expect(live.at(-1)?.seq).toBe(newest)
}
