/**
 * What the download and thumbnail endpoints, with a token and without, have in common.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#content-repository
 */
import { type Static, Type } from 'typebox'
import { type Reply, raw } from '../../../http/reply.js'
import { MatrixError, notFound } from '../../../kernel/errors.js'
import type { MxcUri, UserId } from '../../../kernel/identifiers.js'
import { readByteRange } from '../../../media/byte-range.js'
import { contentHeaders } from '../../../media/content-headers.js'
import type { FindMedia } from '../../../media/find-media.js'
import type { MediaFiles } from '../../../media/media-files.js'
import type { ReadThumbnail } from '../../../media/thumbnails.js'

export type MediaNeeds = { findMedia: FindMedia; openMediaFile: MediaFiles['openFile'] }
export type ThumbnailNeeds = { findMedia: FindMedia; readThumbnail: ReadThumbnail }

export const MediaIdSchema = Type.String({ pattern: '^[A-Za-z0-9_-]{1,255}$' })
export const TimeoutSchema = Type.Optional(Type.Integer({ minimum: 0 }))
export const ThumbnailQuerySchema = Type.Object({
  width: Type.Integer({ minimum: 1 }),
  height: Type.Integer({ minimum: 1 }),
  method: Type.Optional(Type.Enum(['crop', 'scale'])),
  animated: Type.Optional(Type.Boolean()),
  timeout_ms: TimeoutSchema,
  allow_remote: Type.Optional(Type.Boolean()),
})

/** How long a download waits for its upload where the client does not say. */
const defaultTimeoutMs = 20_000

/** All media of this server was uploaded since media asks for a token, so endpoints without one find nothing. */
const needsToken = () => notFound('Media needs an access token; use the endpoints under /_matrix/client/v1/media.')

export async function sendMedia(
  uri: MxcUri,
  options: {
    timeoutMs: number | undefined
    signal: AbortSignal
    fileName?: string
    frozen: boolean
    range?: string | undefined
  },
  needs: MediaNeeds,
): Promise<Reply> {
  if (options.frozen) throw needsToken()
  const { timeoutMs = defaultTimeoutMs, signal } = options
  const media = await needs.findMedia(uri, { timeoutMs, signal, allowRemote: true })
  const { content_type: contentType, size, upload_name } = media
  const fileName = options.fileName ?? upload_name
  const whole = { ...contentHeaders({ contentType, size, fileName }), 'accept-ranges': 'bytes' }
  const range = readByteRange(options.range, size)
  if (range === undefined) return raw(200, needs.openMediaFile(media.sha256), whole)
  if (range === 'none') return raw(416, '', { 'content-range': `bytes */${size}` })
  const { start, end } = range
  return raw(206, needs.openMediaFile(media.sha256, range), {
    ...whole,
    'content-length': String(end - start + 1),
    'content-range': `bytes ${start}-${end}/${size}`,
  })
}

export async function sendThumbnail(
  uri: MxcUri,
  query: Static<typeof ThumbnailQuerySchema>,
  /** Without a user it was asked for without a token. */
  options: { signal: AbortSignal; party: UserId | undefined },
  needs: ThumbnailNeeds,
): Promise<Reply> {
  const { signal, party } = options
  if (!party) throw needsToken()
  const { width, height, method, animated = false, timeout_ms: timeoutMs = defaultTimeoutMs } = query
  const media = await needs.findMedia(uri, { timeoutMs, signal, allowRemote: true })
  const { contentType, bytes } = await needs.readThumbnail(
    media,
    { width, height, method, animated },
    { party, signal },
  )
  const extension = contentType.slice('image/'.length)
  return raw(200, bytes, contentHeaders({ contentType, size: bytes.length, fileName: `thumbnail.${extension}` }))
}

/**
 * Refuses before a byte is received.
 *
 * @returns the size that is declared, in bytes; undefined where none is
 * @throws MatrixError 413 `M_TOO_LARGE`
 */
export function readDeclaredSize(
  headers: Readonly<Record<string, string | undefined>>,
  maxBytes: number,
): number | undefined {
  const declared = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  if ((declared ?? 0) > maxBytes)
    throw new MatrixError(413, 'M_TOO_LARGE', `Files of more than ${maxBytes} bytes are not taken.`)
  return declared
}
