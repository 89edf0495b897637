/**
 * GET /health (operationId `readHealth`)
 *
 * Whether the server answers: 200 while it does. For supervisors; says nothing else.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'

export const readHealthEndpoint = defineEndpoint({
  operationId: 'readHealth',
  method: 'GET',
  path: '/health',
  auth: 'none',
  rateLimit: 'none',
  response: Type.Object({ status: Type.Literal('ok') }),
  handle: () => ({ status: 'ok' as const }),
})
