/**
 * Federation inbox: transactions of other servers as they came, `federation_inbox:[origin, txn_id]`.
 *
 * A row is made under the origin's own namespace session (federation-sessions.ts): the engine itself stamps who
 * it is from. What has no answer yet when this server starts is taken up again.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { ServerName } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

export type InboxRow = {
  origin: ServerName
  txn_id: string
  /** The transaction's `pdus` and `edus`, JSON text; empty once answered. */
  body: string
  received_at: number
  /** The answer's body, JSON text; absent while it is worked on. */
  answer?: string
  /** When it was answered, in milliseconds since the epoch. */
  answered_at?: number
}

/** @param session the origin's own session, or the server's */
export async function readTransaction(
  session: Reader,
  origin: ServerName,
  txnId: string,
): Promise<InboxRow | undefined> {
  const [rows] = await session.query<[InboxRow[]]>("SELECT * FROM type::record('federation_inbox', [$origin, $txn])", {
    origin,
    txn: txnId,
  })
  return rows[0]
}

/** What was received and not answered, oldest first: read once, at start. */
export async function readUnanswered(db: Reader): Promise<InboxRow[]> {
  const [rows] = await db.query<[InboxRow[]]>('SELECT * FROM federation_inbox WHERE answer = NONE')
  return rows.sort((a, b) => a.received_at - b.received_at)
}

/** The body is not needed any more; the answer is kept for whoever asks again. */
export const setAnswer = (origin: ServerName, txnId: string, answer: string, answeredAt: number): Write => ({
  op: 'upsert',
  table: 'federation_inbox',
  row: { id: [origin, txnId], answer, answered_at: answeredAt, body: '' },
})

/** What of the transaction is still to be worked off. */
export const setBody = (origin: ServerName, txnId: string, body: string): Write => ({
  op: 'upsert',
  table: 'federation_inbox',
  row: { id: [origin, txnId], body },
})

export type InboxId = readonly [origin: ServerName, txnId: string]

/** At most `limit` of those that were answered before that time, oldest first. The engine applies LIMIT before the rest of a WHERE. */
export async function readOldAnswered(db: Reader, before: number, limit: number): Promise<InboxId[]> {
  const [ids] = await db.query<[InboxId[]]>(
    `SELECT VALUE record::id(id) FROM federation_inbox WITH INDEX federation_inbox_answered_at
     WHERE answered_at > 0 AND answered_at < $before LIMIT $limit`,
    { before, limit },
  )
  return ids
}

export const deleteInboxRow = (id: InboxId): Write => ({ op: 'delete', table: 'federation_inbox', id })
