/**
 * GET /_matrix/client/v3/register/available (operationId `checkUsernameAvailability`)
 *
 * Whether a name is free.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Registration } from '../../../users/register-user.js'

type Needs = Pick<Registration, 'checkAvailable'>

export const checkUsernameAvailabilityEndpoint = defineEndpoint({
  operationId: 'checkUsernameAvailability',
  method: 'GET',
  path: '/_matrix/client/v3/register/available',
  auth: 'none',
  rateLimit: 'registration',
  query: Type.Object({ username: Type.String() }),
  response: Type.Object({ available: Type.Boolean() }),
  errors: ['M_USER_IN_USE', 'M_INVALID_USERNAME'],
  async handle({ query }, hs: Needs) {
    await hs.checkAvailable(query.username)
    return { available: true }
  },
})
