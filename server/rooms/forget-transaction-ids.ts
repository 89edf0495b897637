/**
 * Forgets the answers that were kept for repeated requests, a day after they were given: whoever has not repeated by
 * then will not.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
import type { Clock } from '../kernel/clock.js'
import type { Database } from '../store/reader.js'
import { deleteTxn, readOldTxns } from '../store/transaction-id-store.js'

/** How long an answer is kept at least, in milliseconds. */
export const answersKeptMs = 24 * 60 * 60_000

/** Deletes at most `limit` rows. @returns how many it deleted; fewer than `limit` when none is left */
export const makeForgetTransactionIds =
  ({ db, clock }: { db: Database; clock: Clock }) =>
  async (limit: number): Promise<number> => {
    const old = await readOldTxns(db, clock.now() - answersKeptMs, limit)
    const writes = old.map(deleteTxn)
    if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
    return writes.length
  }
