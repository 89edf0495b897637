/**
 * POST /_matrix/client/v3/account/3pid/unbind (operationId `unbind3pidFromAccount`)
 *
 * Asks an identity server to forget that an address is this user’s; the account keeps it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3account3pidunbind
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import { MediumSchema, UnbindResultSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'unbindThreepid'>

export const unbind3pidFromAccountEndpoint = defineEndpoint({
  operationId: 'unbind3pidFromAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/unbind',
  auth: 'access-token',
  body: Type.Object({ medium: MediumSchema, address: Type.String(), id_server: Type.Optional(Type.String()) }),
  response: UnbindResultSchema,
  errors: ['M_INVALID_PARAM'],
  handle: async ({ body: { medium, address, id_server }, requester }, hs: Needs) => ({
    id_server_unbind_result: await hs.unbindThreepid(requester.userId, medium, address, id_server),
  }),
})
