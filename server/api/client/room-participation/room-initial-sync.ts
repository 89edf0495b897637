/**
 * GET /_matrix/client/v3/rooms/{roomId}/initialSync (operationId `roomInitialSync`)
 *
 * A copy of a room: its state and what was said last. It is how one looks into a room that anybody may read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { LegacyEvents } from '../../../sync/legacy-events.js'

type Needs = Pick<LegacyEvents, 'readRoomCopy'>

const defaultLimit = 20

export const roomInitialSyncEndpoint = defineEndpoint({
  operationId: 'roomInitialSync',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/initialSync',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
  response: Type.Object({ room_id: RoomIdSchema }, { additionalProperties: true }),
  errors: ['M_FORBIDDEN'],
  handle: async ({ params, query, requester: { userId, sid } }, hs: Needs) =>
    hs.readRoomCopy({ userId, sid }, params.roomId, query.limit ?? defaultLimit),
})
