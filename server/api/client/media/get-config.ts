/**
 * GET /_matrix/media/v3/config (operationId `getConfig`)
 *
 * How large an upload may be, in bytes.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3config
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { UploadMedia } from '../../../media/upload-media.js'

type Needs = Pick<UploadMedia, 'maxUploadBytes'>

export const getConfigEndpoint = defineEndpoint({
  operationId: 'getConfig',
  method: 'GET',
  path: '/_matrix/media/v3/config',
  auth: 'access-token',
  guests: true,
  rateLimit: 'media',
  response: Type.Object({ 'm.upload.size': Type.Integer() }),
  handle: (_request, hs: Needs) => ({ 'm.upload.size': hs.maxUploadBytes }),
})
