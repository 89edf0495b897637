/**
 * PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId} (operationId `setTyping`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import { type Typing, typingTimes } from '../../../sync/typing.js'
import { checkOwn } from '../user-data/check-own.js'

type Needs = { setTyping: Typing['set'] }

export const setTypingEndpoint = defineEndpoint({
  operationId: 'setTyping',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/:roomId/typing/:userId',
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  params: Type.Object({ roomId: RoomIdSchema, userId: UserIdSchema }),
  body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer({ minimum: 0 })) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ params, body, requester }, hs: Needs) {
    checkOwn(requester, params.userId)
    await hs.setTyping(params.userId, params.roomId, body.typing ? (body.timeout ?? typingTimes.fallbackMs) : undefined)
    return {}
  },
})
