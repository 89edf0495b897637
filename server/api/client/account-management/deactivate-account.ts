/**
 * POST /_matrix/client/v3/account/deactivate (operationId `deactivateAccount`)
 *
 * Ends the account for good. No identity server is used here, so nothing has to be unbound.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { ManageAccount } from '../../../users/manage-account.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<ManageAccount, 'deactivate'> & { requireAuth: RequireAuth }

export const deactivateAccountEndpoint = defineEndpoint({
  operationId: 'deactivateAccount',
  method: 'POST',
  path: '/_matrix/client/v3/account/deactivate',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({
    erase: Type.Optional(Type.Boolean()),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({ id_server_unbind_result: Type.Union([Type.Literal('success'), Type.Literal('no-support')]) }),
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
    await hs.deactivate(userId, body.erase ?? false)
    return { id_server_unbind_result: 'success' as const }
  },
})
