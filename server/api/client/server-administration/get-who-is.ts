/**
 * GET /_matrix/client/v3/admin/whois/{userId} (operationId `getWhoIs`)
 *
 * Where a user was last seen, for themselves and for administrators.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3adminwhoisuserid
 */
import { Type } from 'typebox'
import type { ManageDevices } from '../../../devices/manage-devices.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ReadAccounts } from '../../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'> & Pick<ManageDevices, 'readConnections'>

export const getWhoIsEndpoint = defineEndpoint({
  operationId: 'getWhoIs',
  method: 'GET',
  path: '/_matrix/client/v3/admin/whois/:userId',
  auth: 'access-token',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({ user_id: UserIdSchema, devices: Type.Record(Type.String(), Type.Unknown()) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params: { userId }, requester }, hs: Needs) {
    if (userId !== requester.userId && !requester.isAdmin) throw forbidden('You are not a server administrator.')
    await hs.readAccount(userId)
    const devices = await hs.readConnections(userId)
    const connections = devices.map(({ device_id, last_seen_ip, last_seen_ts, last_seen_user_agent }) => {
      const agent = last_seen_user_agent === undefined ? {} : { user_agent: last_seen_user_agent }
      const connection = { ip: last_seen_ip, last_seen: last_seen_ts, ...agent }
      return [device_id, { sessions: [{ connections: last_seen_ip === undefined ? [] : [connection] }] }] as const
    })
    return { user_id: userId, devices: Object.fromEntries(connections) }
  },
})
