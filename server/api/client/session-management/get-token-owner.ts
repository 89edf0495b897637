/**
 * GET /_matrix/client/v3/account/whoami (operationId `getTokenOwner`)
 *
 * Whose access token this is.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'

export const getTokenOwnerEndpoint = defineEndpoint({
  operationId: 'getTokenOwner',
  method: 'GET',
  path: '/_matrix/client/v3/account/whoami',
  auth: 'access-token',
  guests: true,
  response: Type.Object({
    user_id: UserIdSchema,
    device_id: Type.Optional(Type.String()),
    is_guest: Type.Optional(Type.Boolean()),
  }),
  handle: ({ requester }) => ({
    user_id: requester.userId,
    device_id: requester.deviceId,
    is_guest: requester.isGuest,
  }),
})
