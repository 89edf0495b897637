/**
 * GET /_matrix/federation/v1/openid/userinfo (operationId `exchangeOpenIdToken`)
 *
 * Whose OpenID token it is. Third parties ask that, not servers: it is there without federation too.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { MatrixError } from '../../../kernel/errors.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { OpenIdTokens } from '../../../users/openid-tokens.js'

type Needs = Pick<OpenIdTokens, 'readOpenIdUser'>

export const exchangeOpenIdTokenEndpoint = defineEndpoint({
  operationId: 'exchangeOpenIdToken',
  method: 'GET',
  path: '/_matrix/federation/v1/openid/userinfo',
  auth: 'none',
  query: Type.Object({ access_token: Type.Optional(Type.String()) }),
  response: Type.Object({ sub: UserIdSchema }),
  errors: ['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN'],
  async handle({ query }, hs: Needs) {
    if (query.access_token === undefined) throw new MatrixError(401, 'M_MISSING_TOKEN', 'There is no token.')
    const userId = await hs.readOpenIdUser(query.access_token)
    if (!userId) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The token is not known or has expired.')
    return { sub: userId }
  },
})
