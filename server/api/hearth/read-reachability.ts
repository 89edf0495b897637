/**
 * GET /_hearth/admin/v1/reachability (operationId `readReachability`)
 *
 * From where this server can be reached, asked of what listens now, and who is connected over the network at home.
 */
import { defineEndpoint } from '../../http/endpoint.js'
import type { ReadReachability } from '../../network/reachability.js'
import { ReachabilitySchema, toReachability } from './reachability-schema.js'

type Needs = { readReachability: ReadReachability }

export const readReachabilityEndpoint = defineEndpoint({
  operationId: 'readReachability',
  method: 'GET',
  path: '/_hearth/admin/v1/reachability',
  auth: 'admin',
  response: ReachabilitySchema,
  handle: (_request, hs: Needs) => toReachability(hs.readReachability()),
})
