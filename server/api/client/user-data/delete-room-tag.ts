/**
 * DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag} (operationId `deleteRoomTag`)
 *
 * Takes a tag from a room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<AccountData, 'deleteTag'>

export const deleteRoomTagEndpoint = defineEndpoint({
  operationId: 'deleteRoomTag',
  method: 'DELETE',
  path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags/:tag',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema, roomId: RoomIdSchema, tag: Type.String() }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ params: { userId, roomId, tag }, requester }, hs: Needs) {
    checkOwn(requester, userId)
    await hs.deleteTag(userId, roomId, tag)
    return {}
  },
})
