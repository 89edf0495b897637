/**
 * GET /_synapse/admin/v1/users/{userId}/admin (operationId `getUserAdmin`)
 *
 * Whether an account is an administrator.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ReadAccounts } from '../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'>

export const getUserAdminEndpoint = defineEndpoint({
  operationId: 'getUserAdmin',
  method: 'GET',
  path: '/_synapse/admin/v1/users/:userId/admin',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({ admin: Type.Boolean() }),
  errors: ['M_NOT_FOUND'],
  handle: async ({ params }, hs: Needs) => ({ admin: (await hs.readAccount(params.userId)).admin }),
})
