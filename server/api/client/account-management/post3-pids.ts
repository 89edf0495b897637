/**
 * POST /_matrix/client/v3/account/3pid (operationId `post3PIDs`)
 *
 * The older form of `/account/3pid/bind`: it does the same.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3account3pid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import { IdentityCredentialsSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'bindThreepid'>

export const post3PIDsEndpoint = defineEndpoint({
  operationId: 'post3PIDs',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({ three_pid_creds: IdentityCredentialsSchema }),
  response: Type.Object({ submit_url: Type.Optional(Type.String()) }),
  errors: ['M_INVALID_PARAM', 'M_THREEPID_AUTH_FAILED', 'M_UNKNOWN'],
  async handle({ body: { three_pid_creds: given }, requester }, hs: Needs) {
    await hs.bindThreepid({
      server: given.id_server,
      accessToken: given.id_access_token,
      sid: given.sid,
      clientSecret: given.client_secret,
      userId: requester.userId,
    })
    return {}
  },
})
