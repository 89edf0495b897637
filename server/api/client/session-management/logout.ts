/**
 * POST /_matrix/client/v3/logout (operationId `logout`)
 *
 * Ends the login session of this access token and deletes its device.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { LoginSessions } from '../../../users/login-sessions.js'

type Needs = Pick<LoginSessions, 'deleteDevices'>

export const logoutEndpoint = defineEndpoint({
  operationId: 'logout',
  method: 'POST',
  path: '/_matrix/client/v3/logout',
  auth: 'access-token',
  guests: true,
  evenIfLocked: true,
  response: Type.Object({}),
  async handle({ requester }, hs: Needs) {
    await hs.deleteDevices(requester.userId, [requester.deviceId])
    return {}
  },
})
