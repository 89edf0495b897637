/**
 * POST /_matrix/client/v3/rooms/{roomId}/forget (operationId `forgetRoom`)
 *
 * Forgets a room that was left: it does not come up in sync any more.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'

type Needs = Pick<MemberOperations, 'forgetRoom'>

export const forgetRoomEndpoint = defineEndpoint({
  operationId: 'forgetRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/forget',
  auth: 'access-token',
  guests: true,
  rateLimit: 'default',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({}),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_UNKNOWN'],
  async handle({ params, requester }, hs: Needs) {
    await hs.forgetRoom({ roomId: params.roomId, sender: requester.userId })
    return {}
  },
})
