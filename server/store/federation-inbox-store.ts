/**
 * Federation inbox: transactions of other servers as they came, `federation_inbox:[origin, txn_id]`.
 *
 * A row is made under the origin's own namespace session: the engine itself stamps who it is from, in the
 * row's id and in `origin`. What has no answer yet when this server starts is taken up again.
 *
 * Schema: schema/migrations/0004-federation.surql
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { ServerName } from '../kernel/identifiers.js'
import { AlreadyExistsError } from './errors.js'
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

/**
 * Keeps a transaction, unless one of the same ID was kept before.
 *
 * @param session the origin's namespace session: its token says who the origin is
 * @returns the row that was there before, undefined where this one is new
 */
export async function insertTransaction(
  session: Reader,
  transaction: { txnId: string; body: string; receivedAt: number },
): Promise<InboxRow | undefined> {
  try {
    await session.query(
      `CREATE type::record('federation_inbox', [$token.origin, $txn]) SET txn_id = $txn, body = $body,
        received_at = $received_at RETURN NONE`,
      { txn: transaction.txnId, body: transaction.body, received_at: transaction.receivedAt },
    )
    return undefined
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error
    const [rows] = await session.query<[InboxRow[]]>(
      "SELECT * FROM type::record('federation_inbox', [$token.origin, $txn])",
      { txn: transaction.txnId },
    )
    return rows[0]
  }
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

/** Forgets answers to transactions that came before that time. */
export const deleteAnswersBefore = (receivedAt: number): Write => ({
  op: 'statement',
  sql: 'DELETE federation_inbox WHERE answer != NONE AND received_at < $before RETURN NONE',
  bindings: { before: receivedAt },
})
