/**
 * GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags (operationId `getRoomTags`)
 *
 * The tags one gave a room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<AccountData, 'readTags'>

export const getRoomTagsEndpoint = defineEndpoint({
  operationId: 'getRoomTags',
  method: 'GET',
  path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema, roomId: RoomIdSchema }),
  response: Type.Object({ tags: Type.Record(Type.String(), Type.Unknown()) }),
  errors: ['M_FORBIDDEN'],
  async handle({ params: { userId, roomId }, requester }, hs: Needs) {
    checkOwn(requester, userId)
    return { tags: await hs.readTags(userId, roomId) }
  },
})
