/**
 * POST /_matrix/client/v3/account/password (operationId `changePassword`)
 *
 * Sets a new password after asking for the old one, or of somebody who has forgotten it for the address of the account,
 * and logs the user's other devices out unless told not to.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
 */
import { Type } from 'typebox'
import { missingToken } from '../../../http/access-token.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'
import type { Threepids } from '../../../threepids/threepids.js'
import type { ManageAccount } from '../../../users/manage-account.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<ManageAccount, 'setPassword'> &
  Pick<Threepids, 'findByThreepid' | 'endThreepidSession'> & { requireAuth: RequireAuth; sendsMail: boolean }

export const changePasswordEndpoint = defineEndpoint({
  operationId: 'changePassword',
  method: 'POST',
  path: '/_matrix/client/v3/account/password',
  auth: 'optional',
  rateLimit: 'login',
  body: Type.Object({
    new_password: Type.String(),
    logout_devices: Type.Optional(Type.Boolean()),
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_WEAK_PASSWORD', 'M_MISSING_TOKEN', 'M_THREEPID_AUTH_FAILED'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    if (!requester && !hs.sendsMail) throw missingToken()
    if (requester?.isGuest) throw forbidden('A guest has no password.')
    const { body, email } = await hs.requireAuth({
      operation: 'changePassword',
      userId: requester?.userId,
      flows: [requester ? ['m.login.password'] : ['m.login.email.identity']],
      body: given,
      auth,
      from: { ip, isLoopback, ...(requester && { requester }) },
    })
    const userId = requester?.userId ?? (email && (await hs.findByThreepid(email.medium, email.address)))
    if (!userId) throw forbidden('No account here has that address.')
    const endsOthers = body.logout_devices ?? true
    // What a session has proved once proves nothing a second time.
    if (email) await hs.endThreepidSession(email.sid)
    await hs.setPassword(
      userId,
      body.new_password,
      endsOthers ? (requester ? { sid: requester.sid } : null) : undefined,
    )
    return {}
  },
})
