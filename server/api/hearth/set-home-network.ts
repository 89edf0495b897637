/**
 * PUT /_hearth/admin/v1/home_network (operationId `setHomeNetwork`)
 *
 * Turns the listener on the network at home on or off, at once and for later starts. Answers how this server is reached then;
 * an address that could not be had is told there.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { HomeNetwork } from '../../network/home-network.js'
import type { ReadReachability } from '../../network/reachability.js'
import { ReachabilitySchema, toReachability } from './reachability-schema.js'

type Needs = { readReachability: ReadReachability; homeNetwork: Pick<HomeNetwork, 'choose'> }

export const setHomeNetworkEndpoint = defineEndpoint({
  operationId: 'setHomeNetwork',
  method: 'PUT',
  path: '/_hearth/admin/v1/home_network',
  auth: 'admin',
  body: Type.Object({
    is_on: Type.Boolean(),
    /** Interfaces as `reachability` names them; without any, the network that the machine is mainly on. */
    interfaces: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 })),
  }),
  response: ReachabilitySchema,
  errors: ['M_INVALID_PARAM', 'M_UNKNOWN'],
  async handle({ body }, hs: Needs) {
    await hs.homeNetwork.choose(body.is_on, body.interfaces)
    return toReachability(hs.readReachability())
  },
})
