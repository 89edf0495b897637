/**
 * PUT /_matrix/client/v1/admin/suspend/{userId} (operationId `setAdminSuspendUser`)
 *
 * Suspends an account or ends that. A suspended user may read, leave and redact what they said, but not speak.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminsuspenduserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ManageAccount } from '../../../users/manage-account.js'

type Needs = Pick<ManageAccount, 'setSuspended'>

export const setAdminSuspendUserEndpoint = defineEndpoint({
  operationId: 'setAdminSuspendUser',
  method: 'PUT',
  path: '/_matrix/client/v1/admin/suspend/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ suspended: Type.Boolean() }),
  response: Type.Object({ suspended: Type.Boolean() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (userId === requester.userId) throw forbidden('You cannot do that to yourself.')
    await hs.setSuspended(userId, body.suspended)
    return { suspended: body.suspended }
  },
})
