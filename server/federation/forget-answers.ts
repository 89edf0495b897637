/**
 * Forgets the answers to transactions of other servers, a day after they were given: a server that has not asked
 * again by then will not. What has no answer stays, however old: it is still to be worked off.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#transactions
 */
import type { Clock } from '../kernel/clock.js'
import { deleteInboxRow, readOldAnswered } from '../store/federation-inbox-store.js'
import type { Database } from '../store/reader.js'

/** How long an answer is kept at least, in milliseconds. */
export const inboxKeptMs = 24 * 60 * 60_000

/** Deletes at most `limit` rows. @returns how many it deleted; fewer than `limit` when none is left */
export const makeForgetInbox =
  ({ db, clock }: { db: Database; clock: Clock }) =>
  async (limit: number): Promise<number> => {
    const old = await readOldAnswered(db, clock.now() - inboxKeptMs, limit)
    const writes = old.map(deleteInboxRow)
    if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
    return writes.length
  }
