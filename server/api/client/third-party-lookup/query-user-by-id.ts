/**
 * GET /_matrix/client/v3/thirdparty/user (operationId `queryUserByID`)
 *
 * Users of other networks whom a user ID stands for.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyuser
 */
import { defineEndpoint } from '../../../http/endpoint.js'
import { FieldsSchema, type LookUpNeeds, lookUp, ResultsSchema, requireField } from './look-up.js'

export const queryUserByIDEndpoint = defineEndpoint({
  operationId: 'queryUserByID',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/user',
  auth: 'access-token',
  query: FieldsSchema,
  response: ResultsSchema,
  errors: ['M_NOT_FOUND', 'M_MISSING_PARAM'],
  handle: ({ query, signal }, hs: LookUpNeeds) => lookUp(hs, 'user', undefined, requireField(query, 'userid'), signal),
})
