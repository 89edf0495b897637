/**
 * GET /_synapse/admin/v1/register (operationId `getSharedSecretNonce`)
 *
 * A word to be mixed into the next registration by shared secret, good once and for a minute.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { SharedSecretRegistration } from '../../users/shared-secret-registration.js'

type Needs = { sharedSecretRegistration: SharedSecretRegistration }

export const getSharedSecretNonceEndpoint = defineEndpoint({
  operationId: 'getSharedSecretNonce',
  method: 'GET',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  rateLimit: 'login',
  response: Type.Object({ nonce: Type.String() }),
  errors: ['M_FORBIDDEN'],
  handle: (_request, hs: Needs) => ({ nonce: hs.sharedSecretRegistration.makeNonce() }),
})
