/**
 * POST /_matrix/client/v3/refresh (operationId `refresh`)
 *
 * Exchanges a refresh token for a new access token and a new refresh token. The old pair ends when the
 * new access token is used, so that a lost answer logs nobody out.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { LoginSessions } from '../../../users/login-sessions.js'

type Needs = Pick<LoginSessions, 'refreshSession'>

export const refreshEndpoint = defineEndpoint({
  operationId: 'refresh',
  method: 'POST',
  path: '/_matrix/client/v3/refresh',
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({ refresh_token: Type.String() }),
  response: Type.Object({
    access_token: Type.String(),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(Type.Integer()),
  }),
  errors: ['M_UNKNOWN_TOKEN'],
  async handle({ body }, hs: Needs) {
    const { accessToken, refreshToken, expiresInMs } = await hs.refreshSession(body.refresh_token)
    return { access_token: accessToken, refresh_token: refreshToken, expires_in_ms: expiresInMs }
  },
})
