/**
 * GET /_matrix/client/v3/thirdparty/location/{protocol} (operationId `queryLocationByProtocol`)
 *
 * Rooms of a network by what it calls them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocationprotocol
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { FieldsSchema, fieldsOf, type LookUpNeeds, lookUp, ResultsSchema } from './look-up.js'

export const queryLocationByProtocolEndpoint = defineEndpoint({
  operationId: 'queryLocationByProtocol',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/location/:protocol',
  auth: 'access-token',
  params: Type.Object({ protocol: Type.String() }),
  query: FieldsSchema,
  response: ResultsSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ params, query, signal }, hs: LookUpNeeds) =>
    lookUp(hs, 'location', params.protocol, fieldsOf(query), signal),
})
