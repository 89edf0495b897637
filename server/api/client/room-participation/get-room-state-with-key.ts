/**
 * GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey} (operationId `getRoomStateWithKey`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadState } from '../../../sync/read-state.js'

type Needs = { readRoomStateEvent: ReadState['readStateEvent'] }

export const getRoomStateWithKeyEndpoint = defineEndpoint({
  operationId: 'getRoomStateWithKey',
  method: 'GET',
  // An empty state key may be left out, with its slash or without.
  path: [
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/',
  ],
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema, eventType: Type.String(), stateKey: Type.Optional(Type.String()) }),
  query: Type.Object({ format: Type.Optional(Type.Union([Type.Literal('content'), Type.Literal('event')])) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, requester }, hs: Needs) {
    const { roomId, eventType, stateKey = '' } = params
    const reader = { userId: requester.userId, sid: requester.sid, roomId }
    const event = await hs.readRoomStateEvent(reader, eventType, stateKey)
    return query.format === 'event' ? event : event.content
  },
})
