/**
 * POST /_matrix/client/v3/login (operationId `login`)
 *
 * Logs a user in with their password, and gives their device an access token.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { accessTokenOf } from '../../../http/access-token.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden, MatrixError, missingParam } from '../../../kernel/errors.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import type { CheckPassword } from '../../../users/check-password.js'
import type { BeginSession } from '../../../users/login-sessions.js'
import { DeviceNameSchema } from '../device-management/device-schema.js'
import { LoginAnswerSchema, type ToLoginAnswer } from './login-answer.js'

type Needs = Pick<OwnUsers, 'requireAppservice' | 'checkOwnUser'> & {
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
    identifier: Type.Optional(Type.Object({ type: Type.String(), user: Type.Optional(Type.String()) })),
    user: Type.Optional(Type.String()), // before r0.4.0
    password: Type.Optional(Type.String()),
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
    const isOwn = body.type === 'm.login.application_service'
    if (!isOwn && body.type !== 'm.login.password')
      throw new MatrixError(400, 'M_UNKNOWN', 'That way to log in is not offered.')
    const { identifier, password } = body
    if (identifier && identifier.type !== 'm.id.user') throw forbidden('Only user IDs identify accounts here.')
    const user = identifier?.user ?? body.user
    if (user === undefined) throw missingParam('There is no user.')
    if (!isOwn && password === undefined) throw missingParam('There is no password.')
    const session = await hs.beginSession({
      ...(password === undefined || isOwn
        ? await hs.checkOwnUser(hs.requireAppservice(accessTokenOf(headers.authorization, query)), user)
        : await hs.checkPassword(user, password, { ip, isLoopback })),
      deviceId: body.device_id,
      deviceName: body.initial_device_display_name,
      withRefreshToken: body.refresh_token ?? false,
    })
    return hs.toLoginAnswer(session)
  },
})
