/**
 * Event store: every PDU this server keeps, by event ID, and the timeline of each room.
 *
 * A PDU is stored as its canonical JSON string, because the engine sorts object keys and widens
 * large integers. Accepted events have a timeline row [room_id, seq] that links to the event, with a
 * dense seq per room, so that a page is one tight range. Outliers, rejected and soft-failed PDUs have
 * no seq and live in `event` alone.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
import { RecordId } from 'surrealdb'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { EventStatus, RoomSeq, StreamPosition, Write } from './writes.js'

export type EventRow = {
  room_id: RoomId
  sender: UserId
  type: string
  state_key?: string
  depth: number
  origin_server_ts: number
  status: EventStatus
  reason?: string
  /** Canonical JSON of the PDU, redacted once a redaction was applied. */
  pdu: string
  seq?: RoomSeq
  position?: StreamPosition
  /** State node of the state after the event (of the state before it where it was rejected). */
  node?: number
  redacted_by?: EventId
  /** The state event that it replaced in the state before it. */
  replaces?: EventId
  /** Something relates to it (relation-store.ts). */
  related?: boolean
  /** Of a soft-failed or rejected event: what it stands on. */
  behind?: readonly EventId[]
}
export type ReadEventRow = EventRow & { event_id: EventId }

type StoredRow = EventRow & { id: RecordId<'event', string> }

const withId = ({ id, ...row }: StoredRow): ReadEventRow => ({ ...row, event_id: id.id as EventId })

/** Events of any status, in no particular order; unknown IDs are left out. */
export async function readEventRows(db: Reader, eventIds: readonly EventId[]): Promise<ReadEventRow[]> {
  if (eventIds.length === 0) return []
  const [rows] = await db.query<[StoredRow[]]>('SELECT * FROM $ids', {
    ids: eventIds.map((id) => new RecordId('event', id)),
  })
  return rows.map(withId)
}

/**
 * A page of one room's timeline, oldest first, both ends inclusive.
 *
 * @throws RangeError over 1000 rows
 */
export async function readTimelineRows(db: Reader, roomId: RoomId, from: number, to: number): Promise<ReadEventRow[]> {
  if (to - from >= 1000) throw new RangeError(`timeline page of ${to - from + 1} rows; at most 1000`)
  if (to < from) return []
  const [rows] = await db.query<[StoredRow[]]>('SELECT VALUE e.* FROM timeline:[$room, $from]..=[$room, $to]', {
    room: roomId,
    from,
    to,
  })
  return rows.map(withId)
}

export const insertEvent = (eventId: EventId, row: EventRow): Write => ({
  op: 'insert',
  table: 'event',
  row: { id: eventId, ...row },
})

/** For events that may be there as outliers: sets the given columns. */
export const setEvent = (eventId: EventId, row: Partial<EventRow>): Write => ({
  op: 'upsert',
  table: 'event',
  row: { id: eventId, ...row },
})

/** Fails if that place is taken. */
export const insertTimelineRow = (roomId: RoomId, seq: RoomSeq, eventId: EventId, position: StreamPosition): Write => ({
  op: 'insert',
  table: 'timeline',
  row: { id: [roomId, seq], e: new RecordId('event', eventId), position },
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
