/**
 * GET /_matrix/client/v3/directory/list/room/{roomId} (operationId `getRoomVisibilityOnDirectory`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { PublicRooms } from '../../../rooms/public-rooms.js'

type Needs = Pick<PublicRooms, 'readRoomVisibility'>

export const getRoomVisibilityEndpoint = defineEndpoint({
  operationId: 'getRoomVisibilityOnDirectory',
  method: 'GET',
  path: '/_matrix/client/v3/directory/list/room/:roomId',
  auth: 'none',
  params: Type.Object({ roomId: RoomIdSchema }),
  response: Type.Object({ visibility: Type.String() }),
  errors: ['M_NOT_FOUND'],
  async handle({ params }, hs: Needs) {
    return { visibility: await hs.readRoomVisibility(params.roomId) }
  },
})
