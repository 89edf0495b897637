/**
 * POST /_hearth/admin/v1/users/{userId}/temporary_password (operationId `giveTemporaryPassword`)
 *
 * Gives a user a password made up by the server, to be handed on. It is in this answer and nowhere else, and its user is
 * asked for one of their own (`must_change_password` of `server_info`) until they have set it.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { forbidden } from '../../kernel/errors.js'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { ManageAccount } from '../../users/manage-account.js'
import { makeTemporaryPassword } from '../../users/password-rules.js'

type Needs = Pick<ManageAccount, 'setTemporaryPassword'>

export const giveTemporaryPasswordEndpoint = defineEndpoint({
  operationId: 'giveTemporaryPassword',
  method: 'POST',
  path: '/_hearth/admin/v1/users/:userId/temporary_password',
  auth: 'admin',
  rateLimit: 'login',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({ logout_devices: Type.Optional(Type.Boolean()) }),
  response: Type.Object({ password: Type.String() }),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params: { userId }, body, requester }, hs: Needs) {
    if (userId === requester.userId) throw forbidden('Your own password is changed in your settings.')
    const password = makeTemporaryPassword()
    await hs.setTemporaryPassword(userId, password, body.logout_devices ?? true)
    return { password }
  },
})
