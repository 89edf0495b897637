/**
 * The picture of a preview becomes media of this server, so that whoever sees the preview asks nobody else for it.
 *
 * It is kept as media of other servers are: while there is room (`remote-cache.ts`), since it can be had again.
 */
import { Readable } from 'node:stream'
import { fileTypeFromBuffer } from 'file-type'
import sharp from 'sharp'
import { type Clock, randomId } from '../../kernel/clock.js'
import type { ServerName } from '../../kernel/identifiers.js'
import { insertMedia } from '../../store/media-store.js'
import type { Database } from '../../store/reader.js'
import type { MediaFiles } from '../media-files.js'
import type { RemoteCache } from '../remote-cache.js'
import type { FetchPage } from './fetch-page.js'

export type Picture = { mediaId: string; sha256: string; type: string; bytes: number; width: number; height: number }

/** Undefined for what is no picture that clients show. */
export type KeepPicture = (
  bytes: Buffer,
  former: { mediaId: string; sha256: string } | undefined,
) => Promise<Picture | undefined>

const shown = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif'])
export const pictureLimits = { bytes: 5_000_000, pixels: 64_000_000 }

export function makeKeepPicture(needs: {
  db: Database
  files: MediaFiles
  clock: Clock
  serverName: ServerName
  remoteCache: Pick<RemoteCache, 'noteAdded'>
}): KeepPicture {
  const { db, files, clock, serverName, remoteCache } = needs
  return async (bytes, former) => {
    const type = (await fileTypeFromBuffer(bytes))?.mime
    if (type === undefined || !shown.has(type)) return undefined
    // Of the header alone: nothing is decoded.
    const facts = await sharp(bytes, { limitInputPixels: pictureLimits.pixels })
      .metadata()
      .catch(() => undefined)
    if (!facts?.width || !facts.height) return undefined
    const turned = (facts.orientation ?? 1) >= 5
    const height = facts.pageHeight ?? facts.height
    const size = turned ? { width: height, height: facts.width } : { width: facts.width, height }
    const stored = await files.storeFile(Readable.from([bytes]), pictureLimits.bytes)
    const picture = { sha256: stored.sha256, type, bytes: stored.size, ...size }
    if (former?.sha256 === stored.sha256) return { ...picture, mediaId: former.mediaId }
    const mediaId = randomId(24)
    const row = insertMedia({
      server_name: serverName,
      media_id: mediaId,
      content_type: type,
      size: stored.size,
      sha256: stored.sha256,
      created_at: clock.now(),
      last_access: clock.now(),
      quarantined: false,
    })
    await db.commit(() => ({ writes: [row], changes: [], result: undefined }))
    remoteCache.noteAdded(stored.size)
    return { ...picture, mediaId }
  }
}

/** The bytes of a page's picture; undefined where they cannot be had. */
export async function fetchPicture(fetchPage: FetchPage, url: URL, signal: AbortSignal): Promise<Buffer | undefined> {
  const accept = 'image/webp,image/png,image/jpeg,image/*;q=0.8'
  const page = await fetchPage(url, { accept, maxBytes: pictureLimits.bytes, mayCut: false, signal }).catch(
    () => undefined,
  )
  return page?.body
}
