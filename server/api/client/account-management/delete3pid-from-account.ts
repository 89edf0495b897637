/**
 * POST /_matrix/client/v3/account/3pid/delete (operationId `delete3pidFromAccount`)
 *
 * Takes an address from the account, and from the identity server it was bound at through this one.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3account3piddelete
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import { MediumSchema, UnbindResultSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'deleteThreepid'>

export const delete3pidFromAccountEndpoint = defineEndpoint({
  operationId: 'delete3pidFromAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/delete',
  auth: 'access-token',
  body: Type.Object({ medium: MediumSchema, address: Type.String(), id_server: Type.Optional(Type.String()) }),
  response: UnbindResultSchema,
  errors: ['M_INVALID_PARAM'],
  handle: async ({ body: { medium, address, id_server }, requester }, hs: Needs) => ({
    id_server_unbind_result: await hs.deleteThreepid(requester.userId, medium, address, id_server),
  }),
})
