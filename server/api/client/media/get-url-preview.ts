/**
 * GET /_matrix/media/v3/preview_url (operationId `getUrlPreview`)
 *
 * What a web page says of itself, read by this server (deprecated: the one under `/client/v1/media` is the same).
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3preview_url
 */
import { defineEndpoint } from '../../../http/endpoint.js'
import { type PreviewNeeds, PreviewQuerySchema, sendPreview, UrlPreviewSchema } from './send-preview.js'

export const getUrlPreviewEndpoint = defineEndpoint({
  operationId: 'getUrlPreview',
  method: 'GET',
  path: '/_matrix/media/v3/preview_url',
  auth: 'access-token',
  rateLimit: 'media',
  query: PreviewQuerySchema,
  response: UrlPreviewSchema,
  errors: ['M_INVALID_PARAM', 'M_FORBIDDEN', 'M_LIMIT_EXCEEDED', 'M_UNKNOWN'],
  handle: ({ query, requester, signal }, hs: PreviewNeeds) =>
    sendPreview(query.url, { userId: requester.userId, signal }, hs),
})
