/**
 * Event store: every PDU this server keeps, and the timeline of each room.
 *
 * An accepted event stands under its place, `timeline:[room_id, seq]`, so that a page is one tight range of rows that lie
 * side by side; its row in `event` leads there. Outliers, rejected and soft-failed PDUs, and redactions that are not
 * shown, have no place: they stand in `event` themselves. A PDU is stored as its canonical JSON string, because the
 * engine sorts object keys and widens large integers; what the PDU says has no column of its own.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
import type { RecordId } from 'surrealdb'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { recordId } from './rpc.js'
import type { EventStatus, RoomSeq, StreamPosition, Write } from './writes.js'

/** What is stored of an event wherever it stands. */
export type EventBody = {
  /** Canonical JSON of the PDU, redacted once a redaction was applied. */
  pdu: string
  /** State node of the state after the event (of the state before it where it was rejected). */
  node?: number
  redacted_by?: EventId
  /** The state event that it replaced in the state before it. */
  replaces?: EventId
  /** Something relates to it (relation-store.ts). */
  related?: boolean
}
/** An event without a place. */
export type EventRow = EventBody & {
  room_id: RoomId
  status: EventStatus
  reason?: string
  /** Of a soft-failed or rejected event: what it stands on. */
  behind?: readonly EventId[]
}
/** An accepted event's place in its room, and in the stream. */
export type EventPlace = { roomId: RoomId; seq: RoomSeq; position: StreamPosition }
export type ReadEventRow = EventRow & { event_id: EventId; seq?: RoomSeq; position?: StreamPosition }

type PlacedRow = EventBody & {
  id: RecordId<'timeline', [RoomId, RoomSeq]>
  event_id: EventId
  position: StreamPosition
}
type StoredRow = { id: RecordId<'event', string> } & (EventRow | { at: PlacedRow })

function fromPlaced({ id, ...row }: PlacedRow): ReadEventRow {
  const [roomId, seq] = id.id
  return { ...row, room_id: roomId, seq, status: 'accepted' }
}

/** Events of any status, in no particular order; unknown IDs are left out. */
export async function readEventRows(db: Reader, eventIds: readonly EventId[]): Promise<ReadEventRow[]> {
  if (eventIds.length === 0) return []
  const [rows] = await db.query<[StoredRow[]]>('SELECT * FROM $ids FETCH at', {
    ids: eventIds.map((id) => recordId('event', id)),
  })
  return rows.map(({ id, ...row }) => ('at' in row ? fromPlaced(row.at) : { ...row, event_id: id.id as EventId }))
}

/**
 * A page of one room's timeline, oldest first, both ends inclusive.
 *
 * @throws RangeError over 1000 rows
 */
export async function readTimelineRows(db: Reader, roomId: RoomId, from: number, to: number): Promise<ReadEventRow[]> {
  if (to - from >= 1000) throw new RangeError(`timeline page of ${to - from + 1} rows; at most 1000`)
  if (to < from) return []
  const [rows] = await db.query<[PlacedRow[]]>('SELECT * FROM timeline:[$room, $from]..=[$room, $to]', {
    room: roomId,
    from,
    to,
  })
  return rows.map(fromPlaced)
}

/** For events that have no place, and may be there already: sets the given columns. */
export const setEvent = (eventId: EventId, row: Partial<EventRow>): Write => ({
  op: 'upsert',
  table: 'event',
  row: { id: eventId, ...row },
})

/** The columns of an event without a place, of which nothing is to be left when it gets one. */
const nothing: { [Name in keyof Required<EventRow>]: undefined } = {
  room_id: undefined,
  status: undefined,
  reason: undefined,
  pdu: undefined,
  node: undefined,
  redacted_by: undefined,
  replaces: undefined,
  related: undefined,
  behind: undefined,
}

/**
 * Puts an accepted event into its place. Fails if that place is taken.
 *
 * @param isNew made here just now: there can be no row of it yet, and a plain insert costs half of what an upsert does
 */
export function placeEvent(
  eventId: EventId,
  { roomId, seq, position }: EventPlace,
  row: EventBody,
  isNew = false,
): Write[] {
  const at = recordId('timeline', [roomId, seq])
  return [
    { op: 'insert', table: 'timeline', row: { id: [roomId, seq], event_id: eventId, position, ...row } },
    isNew
      ? { op: 'insert', table: 'event', row: { id: eventId, at } }
      : { op: 'upsert', table: 'event', row: { id: eventId, ...nothing, at } },
  ]
}

/**
 * Changes an event that is here, wherever it stands by then: what was an outlier when it was read may have its place
 * since. Nothing happens where it is not here.
 */
export const changeEvent = (eventId: EventId, body: Partial<EventBody>): Write => ({
  op: 'statement',
  sql: 'UPDATE ($event.at ?? $event) MERGE $body RETURN NONE',
  bindings: { event: recordId('event', eventId), body },
})

export type WaitingRow = { target: EventId; redaction: EventId; sender: UserId; is_sure: boolean; ts: number }

/** Remembers a redaction whose target is not here yet. */
export const insertWaitingRedaction = (roomId: RoomId, { target, redaction, ...row }: WaitingRow): Write => ({
  op: 'upsert',
  table: 'pending_redaction',
  row: { id: [roomId, target, redaction], ...row },
})

export const deleteWaitingRedaction = (roomId: RoomId, target: EventId, redaction: EventId): Write => ({
  op: 'delete',
  table: 'pending_redaction',
  id: [roomId, target, redaction],
})

/** All redactions of a room that wait: few, since a redaction seldom overtakes its target. */
export async function readWaitingRedactions(db: Reader, roomId: RoomId): Promise<WaitingRow[]> {
  const [rows] = await db.query<[WaitingRow[]]>(
    `SELECT record::id(id)[1] AS target, record::id(id)[2] AS redaction, sender, is_sure, ts
     FROM pending_redaction:[$room, NONE]..[$room, ..]`,
    { room: roomId },
  )
  return rows
}

/** Notes that an accepted event stands on one that is not here. */
export const setAbsentEvent = (roomId: RoomId, eventId: EventId): Write => ({
  op: 'upsert',
  table: 'absent_event',
  row: { id: [roomId, eventId] },
})

export const deleteAbsentEvent = (roomId: RoomId, eventId: EventId): Write => ({
  op: 'delete',
  table: 'absent_event',
  id: [roomId, eventId],
})

/** Whether an accepted event stands on this one, which was not here. */
export async function isAbsentEvent(db: Reader, roomId: RoomId, eventId: EventId): Promise<boolean> {
  const [found] = await db.query<[boolean]>('RETURN record::exists(type::record("absent_event", [$room, $event]))', {
    room: roomId,
    event: eventId,
  })
  return found
}
