/**
 * Finds the file behind an `mxc://` URI: here, on its way (then it is waited for), or on another
 * server (then it is fetched once and kept).
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid
 */
import type { Readable } from 'node:stream'
import type { Clock } from '../kernel/clock.js'
import { MatrixError, notFound } from '../kernel/errors.js'
import type { MxcUri, ServerName } from '../kernel/identifiers.js'
import { type MediaRow, readMedia, setMedia } from '../store/media-store.js'
import type { Database } from '../store/reader.js'
import { keepPace, type Pace } from './keep-pace.js'
import type { MediaFiles } from './media-files.js'
import type { RemoteCache } from './remote-cache.js'
import { makeShareWork } from './shared-work.js'
import { describe, toMxc } from './upload-media.js'

/** A file that is here. */
export type FoundMedia = MediaRow & { sha256: string }

/** Media as another server gave it. */
export type RemoteMedia = { content: Readable; contentType: string | undefined; fileName: string | undefined }

export type FindMedia = (
  uri: MxcUri,
  options: { timeoutMs: number; signal: AbortSignal; allowRemote: boolean },
) => Promise<FoundMedia>

export type FoundMediaParts = {
  /**
   * @throws MatrixError 404 `M_NOT_FOUND` (unknown, quarantined, or remote where that is not allowed),
   *   504 `M_NOT_YET_UPLOADED` after `timeoutMs`, 502 `M_TOO_LARGE` for a remote file over the limit
   */
  findMedia: FindMedia
  uploaded(uri: MxcUri): void
}

/** A file that comes more slowly is given up: somebody waits for it, and it holds a connection. */
const pace: Pace = { graceMs: 60_000, bytesPerSecond: 16 * 1024, atMostMs: 15 * 60_000 }

/** Longest a download waits for its upload, in milliseconds. */
const maxWaitMs = 60_000

type Needs = {
  db: Database
  files: MediaFiles
  clock: Clock
  serverName: ServerName
  remoteCache: Pick<RemoteCache, 'noteAccess' | 'noteAdded'>
  /** Largest remote file that is kept, in bytes. */
  maxBytes: number
  /** Throws MatrixError 404 where there is none, 502 where the server cannot be reached. */
  fetchRemoteMedia(uri: MxcUri, signal: AbortSignal): Promise<RemoteMedia>
}

export function makeFindMedia(needs: Needs): FoundMediaParts {
  const { db, files, clock, serverName } = needs
  const waiting = new Map<string, Set<() => void>>()
  const share = makeShareWork<FoundMedia>()

  function waitForUpload(uri: MxcUri, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const key = toMxc(uri)
    return new Promise((resolve) => {
      const waiters = waiting.get(key) ?? new Set()
      waiting.set(key, waiters)
      const done = () => {
        timer.cancel()
        signal.removeEventListener('abort', done)
        waiters.delete(done)
        if (waiters.size === 0) waiting.delete(key)
        resolve()
      }
      const timer = clock.after(Math.min(timeoutMs, maxWaitMs), done)
      signal.addEventListener('abort', done)
      waiters.add(done)
    })
  }

  async function findLocal(uri: MxcUri, timeoutMs: number, signal: AbortSignal): Promise<FoundMedia> {
    let row = await readMedia(db, uri)
    if (row && row.sha256 === undefined && (row.unused_expires_at ?? 0) > clock.now() && timeoutMs > 0) {
      await waitForUpload(uri, timeoutMs, signal)
      row = await readMedia(db, uri)
    }
    if (!row || row.quarantined) throw notFound('There is no such file.')
    if (row.sha256 !== undefined) return row as FoundMedia
    if ((row.unused_expires_at ?? 0) <= clock.now()) throw notFound('There is no such file.')
    throw new MatrixError(504, 'M_NOT_YET_UPLOADED', 'The file is not there yet.')
  }

  async function fetchRemote(uri: MxcUri, signal: AbortSignal): Promise<FoundMedia> {
    const paced = keepPace(clock, pace)
    let content: Readable | undefined
    try {
      const remote = await needs.fetchRemoteMedia(uri, AbortSignal.any([signal, paced.signal]))
      content = remote.content
      const stored = await files.storeFile(content, needs.maxBytes, paced.note)
      const row = {
        server_name: uri.serverName,
        media_id: uri.mediaId,
        created_at: clock.now(),
        last_access: clock.now(),
        quarantined: false,
        ...(await describe(stored, remote)),
      }
      await db.commit(() => ({ writes: [setMedia(uri, row)], changes: [], result: undefined }))
      needs.remoteCache.noteAdded(row.size)
      return row
    } catch (error) {
      content?.destroy() // the other server is not to go on sending
      if (paced.signal.aborted) throw new MatrixError(504, 'M_UNKNOWN', 'The other server sends the file too slowly.')
      if (error instanceof MatrixError && error.status === 413)
        throw new MatrixError(502, 'M_TOO_LARGE', 'The file is larger than this server takes.')
      throw error
    } finally {
      paced.end()
    }
  }

  return {
    uploaded: (uri) => {
      for (const wake of [...(waiting.get(toMxc(uri)) ?? [])]) wake()
    },

    async findMedia(uri, { timeoutMs, signal, allowRemote }) {
      if (uri.serverName === serverName) return findLocal(uri, timeoutMs, signal)
      const row = await readMedia(db, uri)
      if (row?.quarantined || (!row && !allowRemote)) throw notFound('There is no such file.')
      if (row?.sha256 !== undefined) {
        await needs.remoteCache.noteAccess(row)
        return row as FoundMedia
      }
      return share(toMxc(uri), signal, (shared) => fetchRemote(uri, shared))
    },
  }
}
