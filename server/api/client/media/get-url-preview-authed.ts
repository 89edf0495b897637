/**
 * GET /_matrix/client/v1/media/preview_url (operationId `getUrlPreviewAuthed`)
 *
 * What a web page says of itself, read by this server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url
 */
import { defineEndpoint } from '../../../http/endpoint.js'
import { type PreviewNeeds, PreviewQuerySchema, sendPreview, UrlPreviewSchema } from './send-preview.js'

export const getUrlPreviewAuthedEndpoint = defineEndpoint({
  operationId: 'getUrlPreviewAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/preview_url',
  auth: 'access-token',
  rateLimit: 'media',
  query: PreviewQuerySchema,
  response: UrlPreviewSchema,
  errors: ['M_INVALID_PARAM', 'M_FORBIDDEN', 'M_LIMIT_EXCEEDED', 'M_UNKNOWN'],
  handle: ({ query, requester, signal }, hs: PreviewNeeds) =>
    sendPreview(query.url, { userId: requester.userId, signal }, hs),
})
