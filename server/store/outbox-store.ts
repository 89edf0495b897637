/**
 * Outbox store: what other servers have not acknowledged yet, `outbox:[destination, position]` for PDUs and
 * `outbox_edu:[destination, position]` for receipts that have to wait, `outbox_message:[destination, position]` for the EDUs that must
 * arrive.
 *
 * The rows of a PDU are written in the event's own commit, so that nothing that a user saw as sent
 * can be missing here after a crash; they are deleted when the destination has answered 200.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import type { StreamPosition, Write } from './writes.js'

export type OutboxRow = { position: StreamPosition; event_id: EventId; room_id: RoomId }
/** `edu` is JSON text. */
export type OutboxEduRow = { position: number; edu: string }

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

/** How many rows each destination has. Read once, at start. */
export async function countOutbox(
  db: Reader,
): Promise<{ destination: ServerName; pdus: number; edus: number; messages: number }[]> {
  const [pdus, edus, messages] = await db.query<[Count[], Count[], Count[]]>(
    'SELECT destination, count() AS n FROM outbox GROUP BY destination;' +
      'SELECT destination, count() AS n FROM outbox_edu GROUP BY destination;' +
      'SELECT destination, count() AS n FROM outbox_message GROUP BY destination',
  )
  const names = new Set([...pdus, ...edus, ...messages].map(({ destination }) => destination))
  const countIn = (rows: Count[], name: ServerName) => rows.find(({ destination }) => destination === name)?.n ?? 0
  return [...names].map((destination) => ({
    destination,
    pdus: countIn(pdus, destination),
    edus: countIn(edus, destination),
    messages: countIn(messages, destination),
  }))
}

type Count = { destination: ServerName; n: number }

/** What one destination has not acknowledged, after a position (exclusive), oldest first. */
export const readOutbox = (db: Reader, destination: ServerName, after: number, limit: number): Promise<OutboxRow[]> =>
  readPage(db, 'outbox', 'position, event_id, room_id', [destination, after, limit])

export const readOutboxEdus = (
  db: Reader,
  destination: ServerName,
  after: number,
  limit: number,
): Promise<OutboxEduRow[]> => readPage(db, 'outbox_edu', 'position, edu', [destination, after, limit])

export const readOutboxMessages = (
  db: Reader,
  destination: ServerName,
  after: number,
  limit: number,
): Promise<OutboxEduRow[]> => readPage(db, 'outbox_message', 'position, edu', [destination, after, limit])

async function readPage<Row>(
  db: Reader,
  table: string,
  fields: string,
  [destination, after, limit]: [ServerName, number, number],
): Promise<Row[]> {
  const range = idRange(table, [destination, after + 1], [destination, Number.MAX_SAFE_INTEGER])
  const [rows] = await db.query<[Row[]]>(`SELECT ${fields} FROM $range LIMIT $limit`, { range, limit })
  return rows
}

export const deleteOutboxRow = (destination: ServerName, position: number): Write => ({
  op: 'delete',
  table: 'outbox',
  id: [destination, position],
})

export const insertOutboxEdu = (destination: ServerName, { position, edu }: OutboxEduRow): Write => ({
  op: 'upsert',
  table: 'outbox_edu',
  row: { id: [destination, position], destination, position, edu },
})

export const deleteOutboxEdu = (destination: ServerName, position: number): Write => ({
  op: 'delete',
  table: 'outbox_edu',
  id: [destination, position],
})

export const insertOutboxMessage = (destination: ServerName, { position, edu }: OutboxEduRow): Write => ({
  op: 'insert',
  table: 'outbox_message',
  row: { id: [destination, position], destination, position, edu },
})

export const deleteOutboxMessage = (destination: ServerName, position: number): Write => ({
  op: 'delete',
  table: 'outbox_message',
  id: [destination, position],
})
