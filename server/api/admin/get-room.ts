/**
 * GET /_synapse/admin/v1/rooms/{roomId} (operationId `getRoom`)
 *
 * One room.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { RoomIdSchema } from '../../kernel/identifiers.js'
import type { ListRooms } from '../../rooms/list-rooms.js'
import { AdminRoomSchema, toAdminRoom } from './admin-room.js'

type Needs = { describeRoom: ListRooms['describeRoom'] }

export const getRoomEndpoint = defineEndpoint({
  operationId: 'getRoom',
  method: 'GET',
  path: '/_synapse/admin/v1/rooms/:roomId',
  auth: 'admin',
  params: Type.Object({ roomId: RoomIdSchema }),
  response: AdminRoomSchema,
  errors: ['M_NOT_FOUND'],
  handle: async ({ params }, hs: Needs) => toAdminRoom(await hs.describeRoom(params.roomId)),
})
