/** Forgets which messages to devices came from other servers, a month after: nobody repeats one after that. */
import type { Clock } from '../kernel/clock.js'
import { deleteReceivedMessage, readOldReceivedMessages } from '../store/device-stream-store.js'
import type { Database } from '../store/reader.js'

const keptMs = 30 * 24 * 60 * 60_000

/** Deletes at most `limit` rows. @returns how many it deleted; fewer than `limit` when none is left */
export const makeForgetMessages =
  ({ db, clock }: { db: Database; clock: Clock }) =>
  async (limit: number): Promise<number> => {
    const writes = (await readOldReceivedMessages(db, clock.now() - keptMs, limit)).map(deleteReceivedMessage)
    if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
    return writes.length
  }
