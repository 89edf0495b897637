/**
 * POST /_matrix/client/v3/account/password (operationId `changePassword`)
 *
 * Sets a new password after asking for the old one, and logs the user's other devices out unless told not to.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { ManageAccount } from '../../../users/manage-account.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<ManageAccount, 'setPassword'> & { requireAuth: RequireAuth }

export const changePasswordEndpoint = defineEndpoint({
  operationId: 'changePassword',
  method: 'POST',
  path: '/_matrix/client/v3/account/password',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({
    new_password: Type.String(),
    logout_devices: Type.Optional(Type.Boolean()),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_WEAK_PASSWORD'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    const { userId, sid } = requester
    const { body } = await hs.requireAuth({
      operation: 'changePassword',
      userId,
      flows: [['m.login.password']],
      body: given,
      auth,
      from: { ip, isLoopback, requester },
    })
    await hs.setPassword(userId, body.new_password, (body.logout_devices ?? true) ? { sid } : undefined)
    return {}
  },
})
