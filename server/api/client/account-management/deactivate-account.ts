/**
 * POST /_matrix/client/v3/account/deactivate (operationId `deactivateAccount`)
 *
 * Ends the account for good; its addresses are free again, and identity servers are asked to forget them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { ManageAccount } from '../../../users/manage-account.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'
import { UnbindResultSchema } from './threepid-schemas.js'

type Needs = Pick<ManageAccount, 'deactivate'> & { requireAuth: RequireAuth }

export const deactivateAccountEndpoint = defineEndpoint({
  operationId: 'deactivateAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/deactivate',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({
    erase: Type.Optional(Type.Boolean()),
    id_server: Type.Optional(Type.String()),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: UnbindResultSchema,
  errors: ['M_FORBIDDEN'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    const { userId } = requester
    const { body } = await hs.requireAuth({
      operation: 'deactivateAccount',
      userId,
      flows: [['m.login.password']],
      body: given,
      auth,
      from: { ip, isLoopback, requester },
    })
    return { id_server_unbind_result: await hs.deactivate(userId, body.erase ?? false, body.id_server) }
  },
})
