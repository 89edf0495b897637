/**
 * POST /_synapse/admin/v1/reset_password/{userId} (operationId `resetPassword`)
 *
 * Gives a user a new password and, unless told not to, logs all their devices out.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ManageAccount } from '../../users/manage-account.js'

type Needs = Pick<ManageAccount, 'setPassword'>

export const resetPasswordEndpoint = defineEndpoint({
  operationId: 'resetPassword',
  method: 'POST',
  path: '/_synapse/admin/v1/reset_password/:userId',
  auth: 'admin',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ new_password: Type.String(), logout_devices: Type.Optional(Type.Boolean()) }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_WEAK_PASSWORD'],
  async handle({ params: { userId }, body }, hs: Needs) {
    await hs.setPassword(userId, body.new_password, (body.logout_devices ?? true) ? null : undefined)
    return {}
  },
})
