/**
 * POST /_matrix/client/v1/login/get_token (operationId `generateLoginToken`)
 *
 * A token by which one further device logs in. Asks who it is each time.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { LoginTokens } from '../../../users/login-tokens.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'

type Needs = Pick<LoginTokens, 'issueLoginToken'> & { requireAuth: RequireAuth }

export const generateLoginTokenEndpoint = defineEndpoint({
  operationId: 'generateLoginToken',
  method: 'POST',
  path: '/_matrix/client/v1/login/get_token',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({ auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
  response: Type.Object({ login_token: Type.String(), expires_in_ms: Type.Integer() }),
  errors: ['M_FORBIDDEN'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    await hs.requireAuth({
      operation: 'generateLoginToken',
      userId: requester.userId,
      flows: [['m.login.password']],
      body: given,
      auth,
      from: { ip, isLoopback, requester },
    })
    const { token, expiresInMs } = await hs.issueLoginToken(requester)
    return { login_token: token, expires_in_ms: expiresInMs }
  },
})
