/**
 * GET /_matrix/client/v1/media/download/{serverName}/{mediaId} (operationId `getContentAuthed`)
 *
 * A file, from here or from another server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { MediaIdSchema, type MediaNeeds, sendMedia, TimeoutSchema } from './send-media.js'

type Needs = MediaNeeds

export const getContentAuthedEndpoint = defineEndpoint({
  operationId: 'getContentAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/download/:serverName/:mediaId',
  auth: 'access-token',
  guests: true,
  rateLimit: 'media',
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema }),
  query: Type.Object({ timeout_ms: TimeoutSchema }),
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_TOO_LARGE'],
  handle: ({ params, query, signal, headers }, hs: Needs) =>
    sendMedia(params, { timeoutMs: query.timeout_ms, signal, frozen: false, range: headers.range }, hs),
})
