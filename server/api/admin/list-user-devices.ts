/**
 * GET /_synapse/admin/v2/users/{userId}/devices (operationId `listUserDevices`)
 *
 * The devices, and so the login sessions, of a user.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import type { ManageDevices } from '../../devices/manage-devices.js'
import { defineEndpoint } from '../../http/endpoint.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ReadAccounts } from '../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'> & Pick<ManageDevices, 'listDevices'>

export const listUserDevicesEndpoint = defineEndpoint({
  operationId: 'listUserDevices',
  method: 'GET',
  path: '/_synapse/admin/v2/users/:userId/devices',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({ devices: Type.Array(Type.Record(Type.String(), Type.Unknown())), total: Type.Integer() }),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { userId } }, hs: Needs) {
    await hs.readAccount(userId)
    const devices = await hs.listDevices(userId)
    return { devices: devices.map((device) => ({ ...device, user_id: userId })), total: devices.length }
  },
})
