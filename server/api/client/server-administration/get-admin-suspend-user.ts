/**
 * GET /_matrix/client/v1/admin/suspend/{userId} (operationId `getAdminSuspendUser`)
 *
 * Whether an account is suspended.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminsuspenduserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ReadAccounts } from '../../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'>

export const getAdminSuspendUserEndpoint = defineEndpoint({
  operationId: 'getAdminSuspendUser',
  method: 'GET',
  path: '/_matrix/client/v1/admin/suspend/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({ suspended: Type.Boolean() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  handle: async ({ params }, hs: Needs) => ({ suspended: (await hs.readAccount(params.userId)).suspended ?? false }),
})
