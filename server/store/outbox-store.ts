/**
 * Outbox store: what other servers have not acknowledged yet, `outbox:[destination, position]` for PDUs and
 * `outbox_edu:[destination, position]` for EDUs.
 *
 * The rows of a PDU are written in the event's own commit, so that nothing that a user saw as sent
 * can be missing here after a crash; they are deleted when the destination has answered 200.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { StreamPosition, Write } from './writes.js'

export type OutboxRow = { destination: ServerName; position: StreamPosition; event_id: EventId; room_id: RoomId }
/** `edu` is JSON text. */
export type OutboxEduRow = { destination: ServerName; position: number; edu: string }

/** One row per destination, for the commit of the event at `position`. */
export const outboxWrites = (
  destinations: Iterable<ServerName>,
  position: StreamPosition,
  eventId: EventId,
  roomId: RoomId,
): Write[] =>
  [...destinations].map((destination) => ({
    op: 'insert',
    table: 'outbox',
    row: { id: [destination, position], destination, position, event_id: eventId, room_id: roomId },
  }))

/** Everything unacknowledged of every destination, oldest first within each. Read once, at start. */
export async function readOutbox(db: Reader): Promise<OutboxRow[]> {
  const [rows] = await db.query<[OutboxRow[]]>('SELECT destination, position, event_id, room_id FROM outbox')
  return rows
}

export async function readOutboxEdus(db: Reader): Promise<OutboxEduRow[]> {
  const [rows] = await db.query<[OutboxEduRow[]]>('SELECT destination, position, edu FROM outbox_edu')
  return rows
}

export const deleteOutboxRow = (destination: ServerName, position: StreamPosition): Write => ({
  op: 'delete',
  table: 'outbox',
  id: [destination, position],
})

/** Rows of one destination up to and including `position`. */
export const deleteOutboxUpTo = (destination: ServerName, position: StreamPosition): Write => ({
  op: 'deleteRange',
  table: 'outbox',
  from: [destination, 0],
  to: [destination, position + 1],
})

export const insertOutboxEdu = ({ destination, position, edu }: OutboxEduRow): Write => ({
  op: 'upsert',
  table: 'outbox_edu',
  row: { id: [destination, position], destination, position, edu },
})

export const deleteOutboxEdu = (destination: ServerName, position: number): Write => ({
  op: 'delete',
  table: 'outbox_edu',
  id: [destination, position],
})
