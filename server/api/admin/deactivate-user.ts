/**
 * POST /_synapse/admin/v1/deactivate/{userId} (operationId `deactivateUser`)
 *
 * Ends an account for good.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { forbidden } from '../../kernel/errors.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ManageAccount } from '../../users/manage-account.js'

type Needs = Pick<ManageAccount, 'deactivate'>

export const deactivateUserEndpoint = defineEndpoint({
  operationId: 'deactivateUser',
  method: 'POST',
  path: '/_synapse/admin/v1/deactivate/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ erase: Type.Optional(Type.Boolean()) }),
  response: Type.Object({ id_server_unbind_result: Type.String() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (userId === requester.userId) throw forbidden('You cannot do that to yourself here.')
    await hs.deactivate(userId, body.erase ?? false)
    return { id_server_unbind_result: 'success' }
  },
})
