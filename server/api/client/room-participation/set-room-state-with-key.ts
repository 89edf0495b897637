/**
 * PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey} (operationId `setRoomStateWithKey`)
 *
 * Sends a state event. What the state says already sends nothing new and answers with the event that says it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SendState } from '../../../rooms/send-state.js'
import type { ServerNotices } from '../../../users/server-notices.js'
import { timeOf } from './massaged-time.js'

type Needs = { sendState: SendState } & Pick<ServerNotices, 'checkMayDecline'>

export const setRoomStateWithKeyEndpoint = defineEndpoint({
  operationId: 'setRoomStateWithKey',
  method: 'PUT',
  // An empty state key may be left out, with its slash or without.
  path: [
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/',
  ],
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  rateLimit: 'message',
  params: Type.Object({ roomId: RoomIdSchema, eventType: Type.String(), stateKey: Type.Optional(Type.String()) }),
  query: Type.Object({ ts: Type.Optional(Type.Integer({ minimum: 0 })) }),
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({ event_id: EventIdSchema }),
  errors: [
    'M_FORBIDDEN',
    'M_NOT_FOUND',
    'M_TOO_LARGE',
    'M_BAD_JSON',
    'M_BAD_ALIAS',
    'M_INVALID_PARAM',
    'M_GUEST_ACCESS_FORBIDDEN',
    'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
  ],
  async handle({ params, query, body, requester }, hs: Needs) {
    const { roomId, eventType: type, stateKey = '' } = params
    const { userId: sender, isGuest } = requester
    if (type === 'm.room.member' && stateKey === sender && body.membership === 'leave')
      await hs.checkMayDecline(sender, roomId)
    const request = { roomId, sender, type, stateKey, content: body, isGuest, ...timeOf(query, requester) }
    return { event_id: await hs.sendState(request) }
  },
})
