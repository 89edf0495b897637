/**
 * POST /_matrix/media/v3/upload (operationId `uploadContent`)
 *
 * Uploads a file and gives it an `mxc://` URI.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { UploadMedia } from '../../../media/upload-media.js'
import { readDeclaredSize } from './send-media.js'

type Needs = Pick<UploadMedia, 'uploadMedia' | 'maxUploadBytes'>

export const uploadContentEndpoint = defineEndpoint({
  operationId: 'uploadContent',
  method: 'POST',
  path: '/_matrix/media/v3/upload',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'media',
  rawBody: true,
  query: Type.Object({ filename: Type.Optional(Type.String()) }),
  response: Type.Object({ content_uri: Type.String() }),
  errors: ['M_TOO_LARGE', 'M_FORBIDDEN'],
  async handle({ body, query, headers, requester }, hs: Needs) {
    const declaredBytes = readDeclaredSize(headers, hs.maxUploadBytes)
    const contentType = headers['content-type']
    const uploader = requester.userId
    return {
      content_uri: await hs.uploadMedia({
        uploader,
        content: body,
        contentType,
        fileName: query.filename,
        declaredBytes,
      }),
    }
  },
})
