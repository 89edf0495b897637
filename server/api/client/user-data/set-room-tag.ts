/**
 * PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag} (operationId `setRoomTag`)
 *
 * Gives a room a tag.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { AccountData } from '../../../users/account-data.js'
import { checkOwn } from './check-own.js'

type Needs = Pick<AccountData, 'setTag'>

export const setRoomTagEndpoint = defineEndpoint({
  operationId: 'setRoomTag',
  method: 'PUT',
  path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags/:tag',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ userId: UserIdSchema, roomId: RoomIdSchema, tag: Type.String() }),
  body: Type.Object({ order: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ params: { userId, roomId, tag }, body, requester }, hs: Needs) {
    checkOwn(requester, userId)
    await hs.setTag(userId, roomId, tag, body)
    return {}
  },
})
