/**
 * POST /_matrix/client/v3/account/3pid/bind (operationId `bind3PID`)
 *
 * Lets others find the user by an address, at an identity server of the user's choice.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3account3pidbind
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import { IdentityCredentialsSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'bindThreepid'>

export const bind3PIDEndpoint = defineEndpoint({
  operationId: 'bind3PID',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/bind',
  auth: 'access-token',
  rateLimit: 'login',
  body: IdentityCredentialsSchema,
  response: Type.Object({}),
  errors: ['M_INVALID_PARAM', 'M_THREEPID_AUTH_FAILED', 'M_UNKNOWN'],
  async handle({ body, requester }, hs: Needs) {
    await hs.bindThreepid({
      server: body.id_server,
      accessToken: body.id_access_token,
      sid: body.sid,
      clientSecret: body.client_secret,
      userId: requester.userId,
    })
    return {}
  },
})
