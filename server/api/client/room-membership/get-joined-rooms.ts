/**
 * GET /_matrix/client/v3/joined_rooms (operationId `getJoinedRooms`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { Rooms } from '../../../rooms/room.js'

type Needs = Pick<Rooms, 'membershipsOf'>

export const getJoinedRoomsEndpoint = defineEndpoint({
  operationId: 'getJoinedRooms',
  method: 'GET',
  path: '/_matrix/client/v3/joined_rooms',
  auth: 'access-token',
  guests: true,
  response: Type.Object({ joined_rooms: Type.Array(RoomIdSchema) }),
  async handle({ requester }, hs: Needs) {
    const all = await hs.membershipsOf(requester.userId)
    return { joined_rooms: [...all.values()].filter((row) => row.membership === 'join').map((row) => row.roomId) }
  },
})
