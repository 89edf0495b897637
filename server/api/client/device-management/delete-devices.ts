/**
 * POST /_matrix/client/v3/delete_devices (operationId `deleteDevices`)
 *
 * Deletes some of the user's devices, after asking for the password, and ends their login sessions.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3delete_devices
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import type { LoginSessions } from '../../../users/login-sessions.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<LoginSessions, 'deleteDevices'> & { requireAuth: RequireAuth }

export const deleteDevicesEndpoint = defineEndpoint({
  operationId: 'deleteDevices',
  method: 'POST',
  path: '/_matrix/client/v3/delete_devices',
  auth: 'access-token',
  body: Type.Object({
    devices: Type.Array(DeviceIdSchema),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    const { userId } = requester
    const { body } = await hs.requireAuth({
      operation: 'deleteDevices',
      userId,
      flows: [['m.login.password']],
      body: given,
      auth,
      from: { ip, isLoopback, requester },
    })
    await hs.deleteDevices(userId, body.devices)
    return {}
  },
})
