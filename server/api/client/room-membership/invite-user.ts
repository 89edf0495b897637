/**
 * POST /_matrix/client/v3/rooms/{roomId}/invite (operationId `inviteUser`)
 *
 * Invites a user to the room. Users of other servers are invited by way of their server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, type UserId, UserIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'

type Needs = Pick<MemberOperations, 'inviteUser'> & {
  /** A user whom an application service has not made yet is made now. */
  ensureUser(userId: UserId): Promise<void>
}

export const inviteUserEndpoint = defineEndpoint({
  operationId: 'inviteUser',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/invite',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'invite',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ user_id: UserIdSchema, reason: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_UNSUPPORTED_ROOM_VERSION'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.ensureUser(body.user_id)
    await hs.inviteUser({ roomId: params.roomId, sender: requester.userId, target: body.user_id, reason: body.reason })
    return {}
  },
})
