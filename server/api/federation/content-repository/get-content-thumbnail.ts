/**
 * GET /_matrix/federation/v1/media/thumbnail/{mediaId} (operationId `getContentThumbnail`)
 *
 * A thumbnail of an image that was uploaded here, for another server.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediathumbnailmediaid
 */
import { Type } from 'typebox'
import { partHeaders, writeMultipart } from '../../../federation/multipart.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { raw } from '../../../http/reply.js'
import type { ServerName } from '../../../kernel/identifiers.js'
import { contentHeaders } from '../../../media/content-headers.js'
import type { FindMedia } from '../../../media/find-media.js'
import type { ReadThumbnail } from '../../../media/thumbnails.js'

type Needs = { findMedia: FindMedia; readThumbnail: ReadThumbnail; readonly serverName: ServerName }

const defaultTimeoutMs = 20_000

export const getContentThumbnailEndpoint = defineEndpoint({
  operationId: 'getContentThumbnail',
  method: 'GET',
  path: '/_matrix/federation/v1/media/thumbnail/:mediaId',
  auth: 'signed',
  rateLimit: 'media',
  params: Type.Object({ mediaId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,255}$' }) }),
  query: Type.Object({
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    method: Type.Optional(Type.Enum(['crop', 'scale'])),
    animated: Type.Optional(Type.Boolean()),
    timeout_ms: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_UNKNOWN', 'M_TOO_LARGE'],
  async handle({ params, query, origin, signal }, hs: Needs) {
    const { width, height, method, animated = false, timeout_ms: timeoutMs = defaultTimeoutMs } = query
    const uri = { serverName: hs.serverName, mediaId: params.mediaId }
    const media = await hs.findMedia(uri, { timeoutMs, signal, allowRemote: false })
    const { contentType, bytes } = await hs.readThumbnail(
      media,
      { width, height, method, animated },
      { party: origin, signal },
    )
    const headers = contentHeaders({ contentType, size: bytes.length, fileName: undefined })
    const { body, contentType: multipart } = writeMultipart({ content: bytes, headers: partHeaders(headers) })
    return raw(200, body, { 'content-type': multipart })
  },
})
