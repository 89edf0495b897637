/**
 * POST /_synapse/admin/v1/register (operationId `registerWithSharedSecret`)
 *
 * Makes an account for whoever knows the configured secret, and logs it in.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { BeginSession } from '../../users/login-sessions.js'
import type { RegisterUser } from '../../users/register-user.js'
import type { SharedSecretRegistration } from '../../users/shared-secret-registration.js'
import { LoginAnswerSchema, type ToLoginAnswer } from '../client/session-management/login-answer.js'

type Needs = {
  sharedSecretRegistration: SharedSecretRegistration
  registerUser: RegisterUser
  beginSession: BeginSession
  toLoginAnswer: ToLoginAnswer
}

export const registerWithSharedSecretEndpoint = defineEndpoint({
  operationId: 'registerWithSharedSecret',
  method: 'POST',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({
    nonce: Type.String(),
    username: Type.String(),
    password: Type.String(),
    displayname: Type.Optional(Type.String()),
    admin: Type.Optional(Type.Boolean()),
    user_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    mac: Type.String(),
  }),
  response: LoginAnswerSchema,
  errors: ['M_FORBIDDEN', 'M_USER_IN_USE', 'M_INVALID_USERNAME', 'M_WEAK_PASSWORD', 'M_UNKNOWN'],
  async handle({ body }, hs: Needs) {
    const { nonce, username, password, displayname, admin = false, user_type, mac } = body
    hs.sharedSecretRegistration.check({ nonce, username, password, admin, userType: user_type ?? undefined }, mac)
    const userId = await hs.registerUser({ localpart: username, password, displayName: displayname, admin })
    return hs.toLoginAnswer(await hs.beginSession({ userId, withRefreshToken: false }))
  },
})
