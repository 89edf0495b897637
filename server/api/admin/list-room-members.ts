/**
 * GET /_synapse/admin/v1/rooms/{roomId}/members (operationId `listRoomMembers`)
 *
 * Who is joined to a room.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { RoomIdSchema } from '../../kernel/identifiers.js'
import type { ListRooms } from '../../rooms/list-rooms.js'

type Needs = { joinedMembers: ListRooms['joinedMembers'] }

export const listRoomMembersEndpoint = defineEndpoint({
  operationId: 'listRoomMembers',
  method: 'GET',
  path: '/_synapse/admin/v1/rooms/:roomId/members',
  auth: 'admin',
  params: Type.Object({ roomId: RoomIdSchema }),
  response: Type.Object({ members: Type.Array(Type.String()), total: Type.Integer() }),
  errors: ['M_NOT_FOUND'],
  async handle({ params }, hs: Needs) {
    const members = await hs.joinedMembers(params.roomId)
    return { members, total: members.length }
  },
})
