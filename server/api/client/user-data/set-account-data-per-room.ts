/**
 * PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type} (operationId `setAccountDataPerRoom`)
 *
 * Sets one's own account data of a type for a room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'
import { maxAccountDataBytes } from './set-account-data.js'

type Needs = Pick<AccountData, 'setAccountData'>

export const setAccountDataPerRoomEndpoint = defineEndpoint({
  operationId: 'setAccountDataPerRoom',
  method: 'PUT',
  path: '/_matrix/client/v3/user/:userId/rooms/:roomId/account_data/:type',
  auth: 'access-token',
  guests: true,
  maxBodyBytes: maxAccountDataBytes,
  params: Type.Object({ userId: UserIdSchema, roomId: RoomIdSchema, type: Type.String() }),
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_BAD_JSON'],
  async handle({ params, body, requester }, hs: Needs) {
    checkOwn(requester, params.userId)
    await hs.setAccountData(params.userId, params.roomId, params.type, body)
    return {}
  },
})
