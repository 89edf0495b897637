/**
 * GET /_matrix/client/v3/thirdparty/location (operationId `queryLocationByAlias`)
 *
 * Rooms of other networks that an alias leads to.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartylocation
 */
import { defineEndpoint } from '../../../http/endpoint.js'
import { FieldsSchema, type LookUpNeeds, lookUp, ResultsSchema, requireField } from './look-up.js'

export const queryLocationByAliasEndpoint = defineEndpoint({
  operationId: 'queryLocationByAlias',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/location',
  auth: 'access-token',
  query: FieldsSchema,
  response: ResultsSchema,
  errors: ['M_NOT_FOUND', 'M_MISSING_PARAM'],
  handle: ({ query, signal }, hs: LookUpNeeds) =>
    lookUp(hs, 'location', undefined, requireField(query, 'alias'), signal),
})
