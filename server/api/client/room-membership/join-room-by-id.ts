/**
 * POST /_matrix/client/v3/rooms/{roomId}/join (operationId `joinRoomById`)
 *
 * Joins a room by its ID. Joining a room one is in already changes nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'
import { JoinBodySchema, readJoinBody } from './join-body.js'

type Needs = Pick<MemberOperations, 'joinRoom'>

export const joinRoomByIdEndpoint = defineEndpoint({
  operationId: 'joinRoomById',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/join',
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  rateLimit: 'join',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: JoinBodySchema,
  response: Type.Object({ room_id: RoomIdSchema }),
  errors: ['M_FORBIDDEN', 'M_GUEST_ACCESS_FORBIDDEN', 'M_NOT_FOUND', 'M_INCOMPATIBLE_ROOM_VERSION'],
  async handle({ params, body, requester }, hs: Needs) {
    const { userId: sender, isGuest } = requester
    return { room_id: await hs.joinRoom({ roomId: params.roomId, sender, isGuest, ...readJoinBody(body) }) }
  },
})
