/**
 * PUT /_matrix/client/v1/admin/lock/{userId} (operationId `setAdminLockUser`)
 *
 * Locks an account or unlocks it. A locked user keeps their devices but can only log out.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminlockuserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ManageAccount } from '../../../users/manage-account.js'

type Needs = Pick<ManageAccount, 'setStatus'>

export const setAdminLockUserEndpoint = defineEndpoint({
  operationId: 'setAdminLockUser',
  method: 'PUT',
  path: '/_matrix/client/v1/admin/lock/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ locked: Type.Boolean() }),
  response: Type.Object({ locked: Type.Boolean() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (userId === requester.userId) throw forbidden('You cannot do that to yourself.')
    await hs.setStatus(userId, body.locked ? 'locked' : 'active')
    return { locked: body.locked }
  },
})
