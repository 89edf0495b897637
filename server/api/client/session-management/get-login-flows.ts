/**
 * GET /_matrix/client/v3/login (operationId `getLoginFlows`)
 *
 * The ways to log in.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

export const getLoginFlowsEndpoint = defineEndpoint({
  operationId: 'getLoginFlows',
  method: 'GET',
  path: '/_matrix/client/v3/login',
  auth: 'none',
  rateLimit: 'default',
  response: Type.Object({
    flows: Type.Array(Type.Object({ type: Type.String(), get_login_token: Type.Optional(Type.Boolean()) })),
  }),
  handle: () => ({
    flows: [
      { type: 'm.login.password' },
      { type: 'm.login.token', get_login_token: true },
      { type: 'm.login.application_service' },
    ],
  }),
})
