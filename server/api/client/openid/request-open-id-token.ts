/**
 * POST /_matrix/client/v3/user/{userId}/openid/request_token (operationId `requestOpenIdToken`)
 *
 * A token by which the requester can prove to a third party who they are.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { forbidden } from '../../../kernel/errors.js'
import { type ServerName, ServerNameSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { OpenIdTokens } from '../../../users/openid-tokens.js'

type Needs = Pick<OpenIdTokens, 'issueOpenIdToken'> & { serverName: ServerName }

export const requestOpenIdTokenEndpoint = defineEndpoint({
  operationId: 'requestOpenIdToken',
  method: 'POST',
  path: '/_matrix/client/v3/user/:userId/openid/request_token',
  auth: 'access-token',
  rateLimit: 'message',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({}),
  response: Type.Object({
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    matrix_server_name: ServerNameSchema,
    expires_in: Type.Integer(),
  }),
  errors: ['M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    if (params.userId !== requester.userId) throw forbidden('You can only prove who you are yourself.')
    const { token, expiresInMs } = await hs.issueOpenIdToken(requester.userId)
    return {
      access_token: token,
      token_type: 'Bearer' as const,
      matrix_server_name: hs.serverName,
      expires_in: expiresInMs / 1000,
    }
  },
})
