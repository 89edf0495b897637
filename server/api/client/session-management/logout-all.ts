/**
 * POST /_matrix/client/v3/logout/all (operationId `logout_all`)
 *
 * Ends every login session of the user and deletes all devices.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { LoginSessions } from '../../../users/login-sessions.js'

type Needs = Pick<LoginSessions, 'deleteAllDevices'>

export const logoutAllEndpoint = defineEndpoint({
  operationId: 'logout_all',
  method: 'POST',
  path: '/_matrix/client/v3/logout/all',
  auth: 'access-token',
  guests: true,
  evenIfLocked: true,
  response: Type.Object({}),
  async handle({ requester }, hs: Needs) {
    await hs.deleteAllDevices(requester.userId)
    return {}
  },
})
