/**
 * GET /_matrix/client/v3/thirdparty/protocols (operationId `getProtocols`)
 *
 * The networks that rooms and users of bridges can be looked up by. Application services offer them, and there are none.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

export const getProtocolsEndpoint = defineEndpoint({
  operationId: 'getProtocols',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocols',
  auth: 'access-token',
  response: Type.Object({}),
  handle: () => ({}),
})
