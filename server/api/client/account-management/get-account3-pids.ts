/**
 * GET /_matrix/client/v3/account/3pid (operationId `getAccount3PIDs`)
 *
 * The mail addresses of the account.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import { MediumSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'readThreepids'>

export const getAccount3PIDsEndpoint = defineEndpoint({
  operationId: 'getAccount3PIDs',
  method: 'GET',
  path: '/_matrix/client/v3/account/3pid',
  auth: 'access-token',
  response: Type.Object({
    threepids: Type.Array(
      Type.Object({
        medium: MediumSchema,
        address: Type.String(),
        validated_at: Type.Integer(),
        added_at: Type.Integer(),
      }),
    ),
  }),
  async handle({ requester }, hs: Needs) {
    const rows = await hs.readThreepids(requester.userId)
    return {
      threepids: rows.map(({ medium, address, validated_at, added_at }) => ({
        medium,
        address,
        validated_at,
        added_at,
      })),
    }
  },
})
