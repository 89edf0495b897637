/**
 * GET /_matrix/client/v3/rooms/{roomId}/state (operationId `getRoomState`)
 *
 * The room's state events: the current ones, or those of the time when the requester left.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadState } from '../../../sync/read-state.js'

type Needs = { readRoomState: ReadState['readState'] }

export const getRoomStateEndpoint = defineEndpoint({
  operationId: 'getRoomState',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/state',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  response: Type.Array(Type.Object({}, { additionalProperties: true })),
  errors: ['M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    return hs.readRoomState({ userId: requester.userId, sid: requester.sid, roomId: params.roomId })
  },
})
