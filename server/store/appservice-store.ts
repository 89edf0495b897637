/**
 * What application services have not taken yet: `appservice_outbox:[service ID, position]`, written in the event's own
 * commit and deleted when the service has taken it, and `appservice_transaction:⟨service ID⟩`, the transaction under way.
 *
 * A service knows a repeated transaction by its ID alone, so what was in it is written down before it is first sent.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#pushing-events
 */
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import { deleteRow, insertRow, type StreamPosition, upsertRow, type Write } from './writes.js'

export type AppserviceOutboxRow = { position: StreamPosition; event_id: EventId; room_id: RoomId }
export type AppserviceTransaction = { txn_id: string; positions: number[] }

export const insertAppserviceRow = (id: string, { position, ...row }: AppserviceOutboxRow): Write =>
  insertRow('appservice_outbox', { id: [id, position], position, ...row })

export const deleteAppserviceRow = (id: string, position: number): Write =>
  deleteRow('appservice_outbox', [id, position])

/** After a position (exclusive), oldest first. */
export async function readAppserviceRows(
  db: Reader,
  id: string,
  after: number,
  limit: number,
): Promise<AppserviceOutboxRow[]> {
  const range = idRange('appservice_outbox', [id, after + 1], [id, Number.MAX_SAFE_INTEGER])
  const [rows] = await db.query<[AppserviceOutboxRow[]]>(
    'SELECT position, event_id, room_id FROM $range LIMIT $limit',
    { range, limit },
  )
  return rows
}

export async function readAppserviceTransaction(db: Reader, id: string): Promise<AppserviceTransaction | undefined> {
  const [rows] = await db.query<[AppserviceTransaction[]]>(
    'SELECT txn_id, positions FROM type::record("appservice_transaction", $id)',
    { id },
  )
  return rows[0]
}

export const setAppserviceTransaction = (id: string, row: AppserviceTransaction): Write =>
  upsertRow('appservice_transaction', { id, ...row })
