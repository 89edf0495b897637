/**
 * GET /_matrix/client/v3/account/3pid (operationId `getAccount3PIDs`)
 *
 * The email addresses and phone numbers of the account. Accounts here have none: no address is ever verified.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3account3pid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

export const getAccount3PIDsEndpoint = defineEndpoint({
  operationId: 'getAccount3PIDs',
  method: 'GET',
  path: '/_matrix/client/v3/account/3pid',
  auth: 'access-token',
  response: Type.Object({ threepids: Type.Array(Type.Never()) }),
  handle: () => ({ threepids: [] }),
})
