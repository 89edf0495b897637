/**
 * POST /_matrix/client/v3/rooms/{roomId}/unban (operationId `unban`)
 *
 * Lifts a ban. The user may be invited or join again.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'

type Needs = Pick<MemberOperations, 'unbanUser'>

export const unbanEndpoint = defineEndpoint({
  operationId: 'unban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/unban',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'default',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ user_id: UserIdSchema, reason: Type.Optional(Type.String()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_BAD_STATE'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.unbanUser({ roomId: params.roomId, sender: requester.userId, target: body.user_id, reason: body.reason })
    return {}
  },
})
