/**
 * POST /_matrix/client/v3/rooms/{roomId}/kick (operationId `kick`)
 *
 * Removes another user from the room; they may come back.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'

type Needs = Pick<MemberOperations, 'kickUser'>

export const kickEndpoint = defineEndpoint({
  operationId: 'kick',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/kick',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'default',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ user_id: UserIdSchema, reason: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.kickUser({ roomId: params.roomId, sender: requester.userId, target: body.user_id, reason: body.reason })
    return {}
  },
})
