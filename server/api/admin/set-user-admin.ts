/**
 * PUT /_synapse/admin/v1/users/{userId}/admin (operationId `setUserAdmin`)
 *
 * Makes an account an administrator, or an ordinary one.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { forbidden } from '../../kernel/errors.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ManageAccount } from '../../users/manage-account.js'

type Needs = Pick<ManageAccount, 'setAdmin'>

export const setUserAdminEndpoint = defineEndpoint({
  operationId: 'setUserAdmin',
  method: 'PUT',
  path: '/_synapse/admin/v1/users/:userId/admin',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ admin: Type.Boolean() }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (userId === requester.userId && !body.admin) throw forbidden('You cannot take your own rights away.')
    await hs.setAdmin(userId, body.admin)
    return {}
  },
})
