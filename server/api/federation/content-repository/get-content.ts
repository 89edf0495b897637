/**
 * GET /_matrix/federation/v1/media/download/{mediaId} (operationId `getContent`)
 *
 * A file that was uploaded here, for another server. Only our own: what we keep of others is theirs to give.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
 */
import { Type } from 'typebox'
import { partHeaders, writeMultipart } from '../../../federation/multipart.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { raw } from '../../../http/reply.js'
import type { ServerName } from '../../../kernel/identifiers.js'
import { contentHeaders } from '../../../media/content-headers.js'
import type { FindMedia } from '../../../media/find-media.js'
import type { MediaFiles } from '../../../media/media-files.js'

type Needs = { findMedia: FindMedia; openMediaFile: MediaFiles['openFile']; readonly serverName: ServerName }

const defaultTimeoutMs = 20_000

export const getContentEndpoint = defineEndpoint({
  operationId: 'getContent',
  method: 'GET',
  path: '/_matrix/federation/v1/media/download/:mediaId',
  auth: 'signed',
  rateLimit: 'media',
  params: Type.Object({ mediaId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,255}$' }) }),
  query: Type.Object({ timeout_ms: Type.Optional(Type.Integer({ minimum: 0 })) }),
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED'],
  async handle({ params, query, signal }, hs: Needs) {
    const uri = { serverName: hs.serverName, mediaId: params.mediaId }
    const timeoutMs = query.timeout_ms ?? defaultTimeoutMs
    const {
      content_type: contentType,
      size,
      upload_name,
      sha256,
    } = await hs.findMedia(uri, { timeoutMs, signal, allowRemote: false })
    const headers = contentHeaders({ contentType, size, fileName: upload_name })
    const { body, contentType: multipart } = writeMultipart({
      content: hs.openMediaFile(sha256),
      headers: partHeaders(headers),
    })
    return raw(200, body, { 'content-type': multipart })
  },
})
