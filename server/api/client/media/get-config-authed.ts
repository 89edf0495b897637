/**
 * GET /_matrix/client/v1/media/config (operationId `getConfigAuthed`)
 *
 * How large an upload may be, in bytes.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { UploadMedia } from '../../../media/upload-media.js'

type Needs = Pick<UploadMedia, 'maxUploadBytes'>

export const getConfigAuthedEndpoint = defineEndpoint({
  operationId: 'getConfigAuthed',
  method: 'GET',
  path: '/_matrix/client/v1/media/config',
  auth: 'access-token',
  guests: true,
  rateLimit: 'media',
  response: Type.Object({ 'm.upload.size': Type.Integer() }),
  handle: (_request, hs: Needs) => ({ 'm.upload.size': hs.maxUploadBytes }),
})
