/**
 * POST /_matrix/media/v1/create (operationId `createContent`)
 *
 * Makes an `mxc://` URI now, for a file that is uploaded later.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav1create
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { UploadMedia } from '../../../media/upload-media.js'

type Needs = Pick<UploadMedia, 'createMedia'>

export const createContentEndpoint = defineEndpoint({
  operationId: 'createContent',
  method: 'POST',
  path: '/_matrix/media/v1/create',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'media',
  response: Type.Object({ content_uri: Type.String(), unused_expires_at: Type.Integer() }),
  errors: ['M_LIMIT_EXCEEDED'],
  async handle({ requester }, hs: Needs) {
    const { uri, unusedExpiresAt } = await hs.createMedia(requester.userId)
    return { content_uri: uri, unused_expires_at: unusedExpiresAt }
  },
})
