/**
 * GET /_synapse/admin/v2/users/{userId} (operationId `getUser`)
 *
 * One account.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ReadAccounts } from '../../users/read-accounts.js'
import { AdminUserSchema, toAdminUser } from './admin-user.js'

type Needs = Pick<ReadAccounts, 'readAccount'>

export const getUserEndpoint = defineEndpoint({
  operationId: 'getUser',
  method: 'GET',
  path: '/_synapse/admin/v2/users/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  response: AdminUserSchema,
  errors: ['M_NOT_FOUND'],
  handle: async ({ params }, hs: Needs) => toAdminUser(await hs.readAccount(params.userId)),
})
