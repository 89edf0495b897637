/**
 * Checkpoints of unread counts: what was counted up to some event, so that nobody has to walk there again.
 *
 * Written behind the counting, many in one transaction, and only for counts that have moved far since their last.
 * One that was made from another reading, by other rules, or before something in it was redacted is not used.
 */
import { LRUCache } from 'lru-cache'
import type { Clock, Timer } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Database } from '../store/reader.js'
import { type PushCount, readPushCounts, setPushCount } from '../store/receipt-store.js'

export type Checkpoints = {
  /** Undefined for none. */
  read(userId: UserId, roomId: RoomId): Promise<PushCount | undefined>
  /** Writes what `describe` gives, soon; undefined: nothing any more. */
  writeSoon(userId: UserId, roomId: RoomId, describe: () => PushCount | undefined): void
  /** Writes what waits. */
  close(): void
}

const maxUsers = 1_000
const writeAfterMs = 1_000
const rowsPerWrite = 500

type Needs = { db: Database; clock: Pick<Clock, 'after'>; log: Pick<Logger, 'error'> }
type Waiting = { userId: UserId; roomId: RoomId; describe: () => PushCount | undefined }

export function makeCheckpoints({ db, clock, log }: Needs): Checkpoints {
  /** By user: a user's rooms are counted together, at a first sync. */
  const ofUsers = new LRUCache<UserId, Promise<Map<RoomId, PushCount>>>({ max: maxUsers })
  const waiting = new Map<string, Waiting>()
  let timer: Timer | undefined

  function ofUser(userId: UserId): Promise<Map<RoomId, PushCount>> {
    let known = ofUsers.get(userId)
    if (!known) {
      known = readPushCounts(db, userId)
      ofUsers.set(userId, known)
      known.catch(() => ofUsers.delete(userId))
    }
    return known
  }

  function write(): void {
    timer = undefined
    const batch = [...waiting].slice(0, rowsPerWrite)
    const rows: (Waiting & { count: PushCount })[] = []
    for (const [key, each] of batch) {
      waiting.delete(key)
      const count = each.describe()
      if (count) rows.push({ ...each, count })
    }
    if (waiting.size > 0) plan()
    if (rows.length === 0) return
    const writes = rows.map(({ userId, roomId, count }) => setPushCount(userId, roomId, count))
    db.commit(() => ({ writes, changes: [], result: undefined }))
      .then(async () => {
        for (const { userId, roomId, count } of rows) (await ofUsers.peek(userId))?.set(roomId, count)
      })
      .catch((error: unknown) => log.error({ err: error }, 'checkpoints of unread counts were not written'))
  }

  const plan = () => {
    timer ??= clock.after(writeAfterMs, write)
  }

  return {
    read: async (userId, roomId) => (await ofUser(userId)).get(roomId),
    writeSoon(userId, roomId, describe) {
      waiting.set(`${userId} ${roomId}`, { userId, roomId, describe })
      plan()
    },
    close() {
      while (waiting.size > 0) write()
      timer?.cancel()
    },
  }
}
