/**
 * DELETE /_synapse/admin/v2/users/{userId}/devices/{deviceId} (operationId `deleteUserDevice`)
 *
 * Deletes a user's device and ends its login session.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { DeviceIdSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { LoginSessions } from '../../users/login-sessions.js'
import type { ReadAccounts } from '../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'> & Pick<LoginSessions, 'deleteDevices'>

export const deleteUserDeviceEndpoint = defineEndpoint({
  operationId: 'deleteUserDevice',
  method: 'DELETE',
  path: '/_synapse/admin/v2/users/:userId/devices/:deviceId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema, deviceId: DeviceIdSchema }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { userId, deviceId } }, hs: Needs) {
    await hs.readAccount(userId)
    await hs.deleteDevices(userId, [deviceId])
    return {}
  },
})
