/**
 * GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type} (operationId `getAccountDataPerRoom`)
 *
 * One's own account data of a type for a room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<AccountData, 'readAccountData'>

export const getAccountDataPerRoomEndpoint = defineEndpoint({
  operationId: 'getAccountDataPerRoom',
  method: 'GET',
  path: '/_matrix/client/v3/user/:userId/rooms/:roomId/account_data/:type',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema, roomId: RoomIdSchema, type: Type.String() }),
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, requester }, hs: Needs) {
    checkOwn(requester, params.userId)
    return hs.readAccountData(params.userId, params.roomId, params.type)
  },
})
