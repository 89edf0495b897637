/**
 * GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId} (operationId `getContentThumbnailAuthed`)
 *
 * A smaller picture of a picture.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { MediaIdSchema, sendThumbnail, type ThumbnailNeeds, ThumbnailQuerySchema } from './send-media.js'

type Needs = ThumbnailNeeds

export const getContentThumbnailAuthedEndpoint = defineEndpoint({
  operationId: 'getContentThumbnailAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/thumbnail/:serverName/:mediaId',
  auth: 'access-token',
  guests: true,
  rateLimit: 'media',
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema }),
  query: ThumbnailQuerySchema,
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_TOO_LARGE', 'M_UNKNOWN'],
  handle: ({ params, query, requester, signal }, hs: Needs) =>
    sendThumbnail(params, query, { signal, party: requester.userId }, hs),
})
