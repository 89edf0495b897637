/**
 * Media of other servers is kept while there is room for it (`media.remote_cache_bytes`); then what nobody has asked
 * for longest goes first, in small pieces, until a tenth is free. It can be fetched again.
 *
 * Files without a row (a crash between the two, an upload that failed at the last moment) are looked for once a day.
 */
import type { Clock } from '../kernel/clock.js'
import type { MxcUri } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import {
  deleteMedia,
  isFileKnown,
  type MediaRow,
  readLeastUsed,
  readRemoteBytes,
  setMedia,
} from '../store/media-store.js'
import type { Database } from '../store/reader.js'
import type { MediaFiles } from './media-files.js'

export type RemoteCache = {
  /** A file of another server is asked for. Written down once an hour: a row per download would cost more than it tells. */
  noteAccess(row: MediaRow): Promise<void>
  /** A file of another server has been kept. */
  noteAdded(bytes: number): void
  /** Deletes files that nothing stands for, at most `limit`. @returns how many */
  removeOrphans(limit: number): Promise<number>
  /** Begins no further piece; resolves when the one under way is done. */
  close(): Promise<void>
}

const accessEveryMs = 60 * 60_000
/** What was asked for within this may be on its way to somebody. */
const inUseMs = 60_000
const rowsAtOnce = 50
const filesAtOnce = 50
const pauseMs = 20
const keptShare = 0.9

type Needs = { db: Database; files: MediaFiles; clock: Clock; maxBytes: number; log: Logger }

export function makeRemoteCache({ db, files, clock, maxBytes, log }: Needs): RemoteCache {
  /** Undefined until the first file comes. */
  let total: number | undefined
  let isClosed = false
  let running: Promise<void> | undefined
  let walk: AsyncGenerator<string> | undefined

  const uriOf = ({ server_name, media_id }: MediaRow): MxcUri => ({ serverName: server_name, mediaId: media_id })
  const remove = (sha256: string) => files.removeFile(sha256, () => isFileKnown(db, sha256))

  async function makeRoom(): Promise<void> {
    total ??= await readRemoteBytes(db)
    if (total <= maxBytes) return
    const most = maxBytes * keptShare
    while (total > most && !isClosed) {
      const rows = await readLeastUsed(db, clock.now() - inUseMs, rowsAtOnce)
      if (rows.length === 0) return
      const going = takeUntil(rows, total - most)
      await db.commit(() => ({ writes: going.map((row) => deleteMedia(uriOf(row))), changes: [], result: undefined }))
      // Rows first: a file without a row is found again, a row without its file would answer with nothing.
      for (const { sha256 } of going) if (sha256 !== undefined) await remove(sha256)
      const bytes = going.reduce((sum, { size }) => sum + size, 0)
      total -= bytes
      log.info({ bytes, files: going.length }, 'media of other servers that nobody asked for was deleted')
    }
  }

  const pause = () => new Promise<void>((resolve) => clock.after(pauseMs, resolve))

  return {
    async noteAccess(row) {
      const now = clock.now()
      if (now - (row.last_access ?? 0) < accessEveryMs) return
      await db.commit(() => ({ writes: [setMedia(uriOf(row), { last_access: now })], changes: [], result: undefined }))
    },
    noteAdded(bytes) {
      if (total !== undefined) total += bytes
      running = (running ?? Promise.resolve())
        .then(makeRoom)
        .catch((error: unknown) => log.warn({ err: error }, 'media of other servers could not be deleted'))
    },
    async removeOrphans(limit) {
      walk ??= files.listOld()
      let removed = 0
      for (let looked = 1; removed < limit && !isClosed; looked++) {
        if (looked % filesAtOnce === 0) await pause() // each is a question to the database
        const { value: sha256, done } = await walk.next()
        if (done) {
          walk = undefined
          break
        }
        if (await remove(sha256)) removed += 1
      }
      return removed
    },
    async close() {
      isClosed = true
      await running
    },
  }
}

/** The first rows that together are at least so many bytes; all where they are not. */
function takeUntil(rows: readonly MediaRow[], bytes: number): MediaRow[] {
  const taken: MediaRow[] = []
  let sum = 0
  for (const row of rows) {
    if (sum >= bytes) break
    taken.push(row)
    sum += row.size
  }
  return taken
}
