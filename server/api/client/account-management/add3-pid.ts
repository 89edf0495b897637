/**
 * POST /_matrix/client/v3/account/3pid/add (operationId `add3PID`)
 *
 * Adds an address that was confirmed to the account. Asks who it is: an address is a way to a new password.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3account3pidadd
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Threepids } from '../../../threepids/threepids.js'
import type { ValidateAddress } from '../../../threepids/validate-address.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'
import { SecretSchema } from './threepid-schemas.js'

type Needs = Pick<Threepids, 'addThreepid'> & Pick<ValidateAddress, 'readValidated'> & { requireAuth: RequireAuth }

export const add3PIDEndpoint = defineEndpoint({
  operationId: 'add3PID',
  method: 'POST',
  path: '/_matrix/client/v3/account/3pid/add',
  auth: 'access-token',
  rateLimit: 'login',
  body: Type.Object({
    client_secret: SecretSchema,
    sid: SecretSchema,
    auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_THREEPID_AUTH_FAILED', 'M_THREEPID_IN_USE'],
  async handle({ body: { auth, ...given }, requester, ip, isLoopback }, hs: Needs) {
    const { userId } = requester
    const { body } = await hs.requireAuth({
      operation: 'add3PID',
      userId,
      flows: [['m.login.password']],
      body: given,
      auth,
      from: { ip, isLoopback, requester },
    })
    await hs.addThreepid(userId, await hs.readValidated(body), body.sid)
    return {}
  },
})
