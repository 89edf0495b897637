/**
 * GET /_matrix/client/v3/thirdparty/protocols (operationId `getProtocols`)
 *
 * The networks that rooms and users of bridges can be looked up by.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols
 */
import { Type } from 'typebox'
import type { ThirdParty } from '../../../appservices/third-party.js'
import { defineEndpoint } from '../../../http/endpoint.js'

type Needs = { thirdParty: Pick<ThirdParty, 'readProtocols'> }

export const getProtocolsEndpoint = defineEndpoint({
  operationId: 'getProtocols',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocols',
  auth: 'access-token',
  response: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
  handle: ({ signal }, hs: Needs) => hs.thirdParty.readProtocols(signal),
})
