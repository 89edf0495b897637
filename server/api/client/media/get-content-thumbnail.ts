/**
 * GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId} (operationId `getContentThumbnail`)
 *
 * A smaller picture of a picture, without a token (frozen). Media uploaded since media asks for a token
 * is not served here, which on this server is all of it; clients of today use the endpoint under `/client/v1/media`.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3thumbnailservernamemediaid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { MediaIdSchema, sendThumbnail, type ThumbnailNeeds, ThumbnailQuerySchema } from './send-media.js'

type Needs = ThumbnailNeeds

export const getContentThumbnailEndpoint = defineEndpoint({
  operationId: 'getContentThumbnail',
  method: 'GET',
  path: '/_matrix/media/v3/thumbnail/:serverName/:mediaId',
  auth: 'none',
  rateLimit: 'media',
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema }),
  query: ThumbnailQuerySchema,
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_TOO_LARGE', 'M_UNKNOWN'],
  handle: ({ params, query, signal }, hs: Needs) => sendThumbnail(params, query, { signal, party: undefined }, hs),
})
