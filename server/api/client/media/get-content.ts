/**
 * GET /_matrix/media/v3/download/{serverName}/{mediaId} (operationId `getContent`)
 *
 * A file, without a token (frozen). Media uploaded since media asks for a token
 * is not served here, which on this server is all of it; clients of today use the endpoint under `/client/v1/media`.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { MediaIdSchema, type MediaNeeds, sendMedia, TimeoutSchema } from './send-media.js'

type Needs = MediaNeeds

export const getContentEndpoint = defineEndpoint({
  operationId: 'getContent',
  method: 'GET',
  path: '/_matrix/media/v3/download/:serverName/:mediaId',
  auth: 'none',
  rateLimit: 'media',
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema }),
  query: Type.Object({ timeout_ms: TimeoutSchema }),
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_TOO_LARGE'],
  handle: ({ params, query, signal }, hs: Needs) =>
    sendMedia(params, { timeoutMs: query.timeout_ms, signal, frozen: true }, hs),
})
