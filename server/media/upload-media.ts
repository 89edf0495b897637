/**
 * Uploads: at once, or into a URI that was reserved before.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#content-repository
 */
import type { Readable } from 'node:stream'
import { fileTypeFromBuffer } from 'file-type'
import { type Clock, randomId } from '../kernel/clock.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import type { MxcUri, ServerName, UserId } from '../kernel/identifiers.js'
import { insertMedia, readMedia, setMedia } from '../store/media-store.js'
import type { Database } from '../store/reader.js'
import { toContentType } from './content-headers.js'
import type { MediaFiles, StoredFile } from './media-files.js'
import type { WithinQuota } from './upload-quota.js'

export type Upload = {
  uploader: UserId
  content: Readable
  /** Content-Type and filename as the client gave them. */
  contentType: string | undefined
  fileName: string | undefined
  /** Content-Length; undefined where the client does not know. */
  declaredBytes: number | undefined
}

export type UploadMedia = {
  readonly maxUploadBytes: number
  /** @returns the new `mxc://` URI. @throws MatrixError 413 `M_TOO_LARGE` */
  uploadMedia(upload: Upload): Promise<string>
  /** Reserves a URI for an upload of this user. @throws MatrixError 429 when too many wait already */
  createMedia(uploader: UserId): Promise<{ uri: string; unusedExpiresAt: number }>
  /** @throws MatrixError 404 for a URI that is not reserved, 403 for another's, 409 for one in use, 413 */
  uploadInto(uri: MxcUri, upload: Upload): Promise<void>
}

const mediaIdLength = 24
/** A reserved URI waits this long for its upload, in milliseconds, and a user has at most so many of them. */
const reservationMs = 24 * 60 * 60_000
const maxReservations = 100

type Needs = {
  db: Database
  files: MediaFiles
  clock: Clock
  serverName: ServerName
  maxUploadBytes: number
  withinQuota: WithinQuota
  /** Wakes downloads that wait for this upload. */
  uploaded(uri: MxcUri): void
}

export const toMxc = ({ serverName, mediaId }: MxcUri) => `mxc://${serverName}/${mediaId}`

export function makeUploadMedia(needs: Needs): UploadMedia {
  const { db, files, clock, serverName, maxUploadBytes, withinQuota } = needs
  /** When the reservations of each user end, by media ID, oldest first: a guard, forgotten at a restart. */
  const reserved = new Map<UserId, Map<string, number>>()
  /** Uploaders and URIs whose content is on its way: the first to come is the one that counts. */
  const receiving = new Set<string>()

  function noteReservation(userId: UserId, mediaId: string): void {
    const now = clock.now()
    const alive = new Map([...(reserved.get(userId) ?? [])].filter(([, expiresAt]) => expiresAt > now))
    const [oldest] = alive.values()
    if (oldest !== undefined && alive.size >= maxReservations)
      throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many uploads wait for their content.', {
        retry_after_ms: Math.max(1, oldest - now),
      })
    reserved.set(userId, alive.set(mediaId, now + reservationMs))
  }

  const inUse = () => new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'That URI has content already.')

  return {
    maxUploadBytes,

    uploadMedia: (upload) =>
      withinQuota(upload.uploader, upload.declaredBytes, async (maxBytes) => {
        const stored = await files.storeFile(upload.content, maxBytes)
        const uri = { serverName, mediaId: randomId(mediaIdLength) }
        const row = insertMedia({
          server_name: serverName,
          media_id: uri.mediaId,
          uploader: upload.uploader,
          created_at: clock.now(),
          quarantined: false,
          ...(await describe(stored, upload)),
        })
        await db.commit(() => ({ writes: [row], changes: [], result: undefined }))
        return toMxc(uri)
      }),

    async createMedia(uploader) {
      const uri = { serverName, mediaId: randomId(mediaIdLength) }
      noteReservation(uploader, uri.mediaId)
      const unusedExpiresAt = clock.now() + reservationMs
      const row = insertMedia({
        server_name: serverName,
        media_id: uri.mediaId,
        content_type: 'application/octet-stream',
        size: 0,
        uploader,
        created_at: clock.now(),
        unused_expires_at: unusedExpiresAt,
        quarantined: false,
      })
      await db.commit(() => ({ writes: [row], changes: [], result: undefined }))
      return { uri: toMxc(uri), unusedExpiresAt }
    },

    async uploadInto(uri, upload) {
      const key = `${upload.uploader} ${uri.mediaId}` // nobody else's attempt is in the way
      if (receiving.has(key)) throw inUse()
      receiving.add(key)
      try {
        const row = await readMedia(db, uri)
        const isOurs = uri.serverName === serverName && row !== undefined
        if (!isOurs) throw notFound('That URI was not made by this server.')
        if (row.uploader !== upload.uploader) throw forbidden('That URI was made by somebody else.')
        if (row.sha256 !== undefined) throw inUse()
        if ((row.unused_expires_at ?? 0) <= clock.now()) throw notFound('That URI has expired.')
        await withinQuota(upload.uploader, upload.declaredBytes, async (maxBytes) => {
          const stored = await files.storeFile(upload.content, maxBytes)
          const fields = { ...(await describe(stored, upload)), unused_expires_at: undefined }
          await db.commit(() => ({ writes: [setMedia(uri, fields)], changes: [], result: undefined }))
        })
      } finally {
        receiving.delete(key)
      }
      reserved.get(upload.uploader)?.delete(uri.mediaId)
      needs.uploaded(uri)
    },
  }
}

/** What the row says of a stored file. The uploader's word for its type counts; without one we look. */
export async function describe(
  stored: StoredFile,
  { contentType, fileName }: Pick<Upload, 'contentType' | 'fileName'>,
) {
  const sniffed = contentType ? undefined : (await fileTypeFromBuffer(stored.head))?.mime
  return {
    content_type: toContentType(contentType ?? sniffed),
    size: stored.size,
    sha256: stored.sha256,
    ...(fileName && { upload_name: Buffer.from(fileName.slice(0, 255)).toString() }),
  }
}
