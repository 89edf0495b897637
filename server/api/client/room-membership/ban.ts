/**
 * POST /_matrix/client/v3/rooms/{roomId}/ban (operationId `ban`)
 *
 * Bans a user: removes them, and keeps them out until unbanned.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'

type Needs = Pick<MemberOperations, 'banUser'>

export const banEndpoint = defineEndpoint({
  operationId: 'ban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/ban',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'default',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ user_id: UserIdSchema, reason: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.banUser({ roomId: params.roomId, sender: requester.userId, target: body.user_id, reason: body.reason })
    return {}
  },
})
