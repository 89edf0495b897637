/**
 * GET /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName} (operationId `getContentOverrideNameAuthed`)
 *
 * A file under another name.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaidfilename
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { MediaIdSchema, type MediaNeeds, sendMedia, TimeoutSchema } from './send-media.js'

type Needs = MediaNeeds

export const getContentOverrideNameAuthedEndpoint = defineEndpoint({
  operationId: 'getContentOverrideNameAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/download/:serverName/:mediaId/:fileName',
  auth: 'access-token',
  guests: true,
  rateLimit: 'media',
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema, fileName: Type.String() }),
  query: Type.Object({ timeout_ms: TimeoutSchema }),
  errors: ['M_NOT_FOUND', 'M_NOT_YET_UPLOADED', 'M_TOO_LARGE'],
  handle: ({ params, query, signal, headers }, hs: Needs) =>
    sendMedia(
      params,
      { timeoutMs: query.timeout_ms, signal, fileName: params.fileName, frozen: false, range: headers.range },
      hs,
    ),
})
