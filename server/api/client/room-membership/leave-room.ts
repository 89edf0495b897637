/**
 * POST /_matrix/client/v3/rooms/{roomId}/leave (operationId `leaveRoom`)
 *
 * Leaves the room, or turns an invite or a knock down.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'
import type { ServerNotices } from '../../../users/server-notices.js'

type Needs = Pick<MemberOperations, 'leaveRoom'> & Pick<ServerNotices, 'checkMayDecline'>

export const leaveRoomEndpoint = defineEndpoint({
  operationId: 'leaveRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/leave',
  auth: 'access-token',
  guests: true,
  rateLimit: 'default',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.checkMayDecline(requester.userId, params.roomId)
    await hs.leaveRoom({ roomId: params.roomId, sender: requester.userId, reason: body.reason })
    return {}
  },
})
