/**
 * GET /_matrix/client/v1/admin/lock/{userId} (operationId `getAdminLockUser`)
 *
 * Whether an account is locked.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminlockuserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ReadAccounts } from '../../../users/read-accounts.js'

type Needs = Pick<ReadAccounts, 'readAccount'>

export const getAdminLockUserEndpoint = defineEndpoint({
  operationId: 'getAdminLockUser',
  method: 'GET',
  path: '/_matrix/client/v1/admin/lock/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({ locked: Type.Boolean() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  handle: async ({ params }, hs: Needs) => ({ locked: (await hs.readAccount(params.userId)).status === 'locked' }),
})
