/**
 * PUT /_matrix/media/v3/upload/{serverName}/{mediaId} (operationId `uploadContentToMXC`)
 *
 * Uploads the file for a URI that was made before.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import type { UploadMedia } from '../../../media/upload-media.js'
import { MediaIdSchema, readDeclaredSize } from './send-media.js'

type Needs = Pick<UploadMedia, 'uploadInto' | 'maxUploadBytes'>

export const uploadContentToMxcEndpoint = defineEndpoint({
  operationId: 'uploadContentToMXC',
  method: 'PUT',
  path: '/_matrix/media/v3/upload/:serverName/:mediaId',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'media',
  rawBody: true,
  params: Type.Object({ serverName: ServerNameSchema, mediaId: MediaIdSchema }),
  query: Type.Object({ filename: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN', 'M_CANNOT_OVERWRITE_MEDIA', 'M_TOO_LARGE'],
  async handle({ params, body, query, headers, requester }, hs: Needs) {
    const declaredBytes = readDeclaredSize(headers, hs.maxUploadBytes)
    const contentType = headers['content-type']
    const uploader = requester.userId
    await hs.uploadInto(params, { uploader, content: body, contentType, fileName: query.filename, declaredBytes })
    return {}
  },
})
