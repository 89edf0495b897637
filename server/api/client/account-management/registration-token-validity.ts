/**
 * GET /_matrix/client/v1/register/m.login.registration_token/validity (operationId `registrationTokenValidity`)
 *
 * Whether a registration token would be taken now.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { type RegistrationPolicy, registrationClosed } from '../../../users/registration-policy.js'
import type { RegistrationTokens } from '../../../users/registration-tokens.js'

type Needs = {
  registrationPolicy: Pick<RegistrationPolicy, 'readFlows'>
  registrationTokens: Pick<RegistrationTokens, 'isValid'>
}

export const registrationTokenValidityEndpoint = defineEndpoint({
  operationId: 'registrationTokenValidity',
  method: 'GET',
  path: '/_matrix/client/v1/register/m.login.registration_token/validity',
  auth: 'none',
  rateLimit: 'registration',
  query: Type.Object({ token: Type.String() }),
  response: Type.Object({ valid: Type.Boolean() }),
  errors: ['M_FORBIDDEN'],
  async handle({ query }, hs: Needs) {
    if ((await hs.registrationPolicy.readFlows()).length === 0) throw registrationClosed()
    return { valid: await hs.registrationTokens.isValid(query.token) }
  },
})
