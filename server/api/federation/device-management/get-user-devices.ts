/**
 * GET /_matrix/federation/v1/user/devices/{userId} (operationId `getUserDevices`)
 *
 * All devices of a user of this server.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid
 */
import { Type } from 'typebox'
import type { ReadUserDevices } from '../../../encryption/read-user-devices.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Profiles } from '../../../users/profile.js'

type Needs = Pick<Profiles, 'readLocalProfile'> & { readUserDevices: ReadUserDevices }

export const getUserDevicesEndpoint = defineEndpoint({
  operationId: 'getUserDevices',
  method: 'GET',
  path: '/_matrix/federation/v1/user/devices/:userId',
  auth: 'signed',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object(
    { user_id: UserIdSchema, stream_id: Type.Integer(), devices: Type.Array(Type.Unknown()) },
    { additionalProperties: true },
  ),
  errors: ['M_NOT_FOUND'],
  async handle({ params }, hs: Needs) {
    if (!(await hs.readLocalProfile(params.userId))) throw notFound('There is no such user here.')
    return hs.readUserDevices(params.userId)
  },
})
