/**
 * DELETE /_matrix/client/v3/devices/{deviceId} (operationId `deleteDevice`)
 *
 * Deletes one of the user's devices, after asking for the password, and ends its login session.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3devicesdeviceid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import type { LoginSessions } from '../../../users/login-sessions.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<LoginSessions, 'deleteDevices'> & { requireAuth: RequireAuth }

export const deleteDeviceEndpoint = defineEndpoint({
  operationId: 'deleteDevice',
  method: 'DELETE',
  path: '/_matrix/client/v3/devices/:deviceId',
  auth: 'access-token',
  params: Type.Object({ deviceId: DeviceIdSchema }),
  body: Type.Object({ auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ params, body, requester, ip, isLoopback }, hs: Needs) {
    const { userId } = requester
    const from = { ip, isLoopback, requester }
    const deviceId = params.deviceId
    // The device is part of what is proven: a session for one is no good for another.
    const operation = `deleteDevice ${deviceId}`
    await hs.requireAuth({ operation, userId, flows: [['m.login.password']], body: {}, auth: body.auth, from })
    await hs.deleteDevices(userId, [deviceId])
    return {}
  },
})
