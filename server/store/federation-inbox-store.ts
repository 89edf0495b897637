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
export const setAnswer = (origin: ServerName, txnId: string, answer: string): Write => ({
  op: 'upsert',
  table: 'federation_inbox',
  row: { id: [origin, txnId], answer, body: '' },
})

/** What of the transaction is still to be worked off. */
export const setBody = (origin: ServerName, txnId: string, body: string): Write => ({
  op: 'upsert',
  table: 'federation_inbox',
  row: { id: [origin, txnId], body },
})

/** Forgets answers to transactions that came before that time. */
export const deleteAnswersBefore = (receivedAt: number): Write => ({
  op: 'statement',
  sql: 'DELETE federation_inbox WHERE answer != NONE AND received_at < $before RETURN NONE',
  bindings: { before: receivedAt },
})
