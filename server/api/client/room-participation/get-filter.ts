/**
 * GET /_matrix/client/v3/user/{userId}/filter/{filterId} (operationId `getFilter`)
 *
 * A filter that was kept under an ID.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from '../user-data/check-own.js'

type Needs = Pick<AccountData, 'readFilter'>

export const getFilterEndpoint = defineEndpoint({
  operationId: 'getFilter',
  method: 'GET',
  path: '/_matrix/client/v3/user/:userId/filter/:filterId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema, filterId: Type.String() }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params: { userId, filterId }, requester }, hs: Needs) {
    checkOwn(requester, userId)
    return hs.readFilter(userId, filterId)
  },
})
