/**
 * Transaction IDs of clients and the answers they got, so that a repeated request gets the same
 * answer after a restart too. The row is written in the same commit as what the request did; its
 * `insert` is the last guard against doing it twice.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type Write } from './writes.js'

/** The device, and the request's path with its transaction ID. */
export type TxnId = readonly [userId: UserId, deviceId: DeviceId, path: string]

/** @returns JSON text of the answer */
export async function readTxnAnswer(db: Reader, of: TxnId): Promise<string | undefined> {
  const [rows] = await db.query<[{ answer: string }[]]>('SELECT answer FROM type::record("txn", $id)', { id: of })
  return rows[0]?.answer
}

/** Fails its unit when this device has used the path before. */
export const insertTxnAnswer = (id: TxnId, answer: string, createdAt: number): Write =>
  insertRow('txn', { id, answer, created_at: createdAt })

/** At most `limit` of those that are older than `before`, in milliseconds since the epoch. */
export async function readOldTxnAnswers(db: Reader, before: number, limit: number): Promise<TxnId[]> {
  const [ids] = await db.query<[TxnId[]]>(
    'SELECT VALUE record::id(id) FROM txn WITH INDEX txn_created_at WHERE created_at < $before LIMIT $limit',
    { before, limit },
  )
  return ids
}

export const deleteTxnAnswer = (id: TxnId): Write => deleteRow('txn', id)
