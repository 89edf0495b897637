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

export const insertRelation = (
  roomId: RoomId,
  parent: EventId,
  relType: string,
  seq: RoomSeq,
  row: { event_id: EventId; sender: UserId; type: string },
): Write => ({ op: 'insert', table: 'relation', row: { id: [roomId, parent, relType, seq], ...row } })

/** Remembers a redaction whose target is not here yet. */
export const setPendingRedaction = (roomId: RoomId, target: EventId, redaction: EventId): Write => ({
  op: 'upsert',
  table: 'pending_redaction',
  row: { id: [roomId, target], redaction },
})

export const deletePendingRedaction = (roomId: RoomId, target: EventId): Write => ({
  op: 'delete',
  table: 'pending_redaction',
  id: [roomId, target],
})

/** Targets of all redactions that wait: few, since a redaction seldom overtakes its target. */
export async function readAwaitedTargets(db: Reader): Promise<EventId[]> {
  const [rows] = await db.query<[EventId[]]>('SELECT VALUE record::id(id)[1] FROM pending_redaction')
  return rows
}

export async function readPendingRedaction(db: Reader, roomId: RoomId, target: EventId): Promise<EventId | undefined> {
  const [rows] = await db.query<[{ redaction: EventId }[]]>(
    'SELECT redaction FROM type::record("pending_redaction", [$room, $target])',
    { room: roomId, target },
  )
  return rows[0]?.redaction
}
