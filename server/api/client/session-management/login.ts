/**
 * POST /_matrix/client/v3/login (operationId `login`)
 *
 * Logs a user in with their password or a login token, and gives their device an access token.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { accessTokenOf } from '../../../http/access-token.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden, MatrixError, missingParam } from '../../../kernel/errors.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import type { Threepids } from '../../../threepids/threepids.js'
import type { CheckPassword } from '../../../users/check-password.js'
import type { BeginSession } from '../../../users/login-sessions.js'
import type { LoginTokens } from '../../../users/login-tokens.js'
import { DeviceNameSchema } from '../device-management/device-schema.js'
import { LoginAnswerSchema, type ToLoginAnswer } from './login-answer.js'

type Needs = Pick<OwnUsers, 'requireAppservice' | 'checkOwnUser'> &
  Pick<LoginTokens, 'spendLoginToken'> &
  Pick<Threepids, 'findByThreepid'> & {
    checkPassword: CheckPassword
    beginSession: BeginSession
    toLoginAnswer: ToLoginAnswer
  }

export const loginEndpoint = defineEndpoint({
  operationId: 'login',
  method: 'POST',
  path: '/_matrix/client/v3/login',
  auth: 'none',
  rateLimit: 'login',
  query: Type.Object({ access_token: Type.Optional(Type.String()) }),
  body: Type.Object({
    type: Type.String(),
    identifier: Type.Optional(
      Type.Object({
        type: Type.String(),
        user: Type.Optional(Type.String()),
        medium: Type.Optional(Type.String()),
        address: Type.Optional(Type.String()),
      }),
    ),
    // Before r0.4.0 these stood for the identifier.
    user: Type.Optional(Type.String()),
    medium: Type.Optional(Type.String()),
    address: Type.Optional(Type.String()),
    password: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
    device_id: Type.Optional(DeviceIdSchema),
    initial_device_display_name: Type.Optional(DeviceNameSchema),
    refresh_token: Type.Optional(Type.Boolean()),
  }),
  response: LoginAnswerSchema,
  errors: [
    'M_LIMIT_EXCEEDED',
    'M_FORBIDDEN',
    'M_USER_DEACTIVATED',
    'M_USER_LOCKED',
    'M_UNKNOWN',
    'M_MISSING_PARAM',
    'M_EXCLUSIVE',
    'M_MISSING_TOKEN',
    'M_UNKNOWN_TOKEN',
  ],
  async handle({ body, query, headers, ip, isLoopback }, hs: Needs) {
    async function proveUser() {
      const { type, password, token } = body
      if (type === 'm.login.token') {
        if (token === undefined) throw missingParam('There is no token.')
        return hs.spendLoginToken(token)
      }
      if (type === 'm.login.application_service') {
        const service = hs.requireAppservice(accessTokenOf(headers.authorization, query))
        return hs.checkOwnUser(service, await findUser())
      }
      if (type !== 'm.login.password') throw new MatrixError(400, 'M_UNKNOWN', 'That way to log in is not offered.')
      const user = await findUser()
      if (password === undefined) throw missingParam('There is no password.')
      return hs.checkPassword(user, password, { ip, isLoopback })
    }

    /** An address of nobody becomes a name of nobody: it takes as long, and is answered the same. */
    async function findUser(): Promise<string> {
      const older = { ...body, type: body.address === undefined ? 'm.id.user' : 'm.id.thirdparty' }
      const identifier = body.identifier ?? older
      if (identifier.type === 'm.id.thirdparty') {
        const { medium, address } = identifier
        if (medium === undefined || address === undefined) throw missingParam('There is no medium or no address.')
        return (await hs.findByThreepid(medium, address)) ?? ''
      }
      if (identifier.type !== 'm.id.user') throw forbidden('Only user IDs and mail addresses identify accounts here.')
      const user = identifier.user ?? body.user
      if (user === undefined) throw missingParam('There is no user.')
      return user
    }

    const session = await hs.beginSession({
      ...(await proveUser()),
      deviceId: body.device_id,
      deviceName: body.initial_device_display_name,
      withRefreshToken: body.refresh_token ?? false,
    })
    return hs.toLoginAnswer(session)
  },
})
