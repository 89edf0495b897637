/**
 * Transaction IDs of clients and the answers they got, so that a repeated request gets the same
 * answer after a restart too. The row is written in the same commit as what the request did; its
 * `insert` is the last guard against doing it twice.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type Write } from './writes.js'

/** @returns JSON text of the answer */
export async function readTxnAnswer(db: Reader, sid: string, path: string): Promise<string | undefined> {
  const [rows] = await db.query<[{ answer: string }[]]>('SELECT answer FROM type::record("txn", [$sid, $path])', {
    sid,
    path,
  })
  return rows[0]?.answer
}

/** Fails its unit when this session has used the path before. */
export const insertTxnAnswer = (sid: string, path: string, answer: string, createdAt: number): Write =>
  insertRow('txn', { id: [sid, path], answer, created_at: createdAt })

/** At most `limit` rows (session and path) that are older than `before`, in milliseconds since the epoch. */
export async function readOldTxnAnswers(db: Reader, before: number, limit: number): Promise<[string, string][]> {
  const [ids] = await db.query<[[string, string][]]>(
    'SELECT VALUE record::id(id) FROM txn WITH INDEX txn_created_at WHERE created_at < $before LIMIT $limit',
    { before, limit },
  )
  return ids
}

export const deleteTxnAnswer = (sid: string, path: string): Write => deleteRow('txn', [sid, path])
