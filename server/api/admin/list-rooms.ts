/**
 * GET /_synapse/admin/v1/rooms (operationId `listRooms`)
 *
 * The rooms of this server, a page at a time.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { ListRooms } from '../../rooms/list-rooms.js'
import { AdminRoomSchema, toAdminRoom } from './admin-room.js'

type Needs = { listRooms: ListRooms['listRooms'] }

export const listRoomsEndpoint = defineEndpoint({
  operationId: 'listRooms',
  method: 'GET',
  path: '/_synapse/admin/v1/rooms',
  auth: 'admin',
  query: Type.Object({
    from: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    search_term: Type.Optional(Type.String()),
    order_by: Type.Optional(Type.String()),
    dir: Type.Optional(Type.Enum(['f', 'b'])),
  }),
  response: Type.Object({
    rooms: Type.Array(AdminRoomSchema),
    offset: Type.Integer(),
    total_rooms: Type.Integer(),
    next_batch: Type.Optional(Type.Integer()),
    prev_batch: Type.Optional(Type.Integer()),
  }),
  errors: ['M_INVALID_PARAM'],
  async handle({ query }, hs: Needs) {
    const { from = 0, limit = 100, order_by: orderBy = 'name' } = query
    const request = {
      orderBy,
      isBackwards: query.dir === 'b',
      ...(query.search_term && { searchTerm: query.search_term }),
    }
    const { rooms, total } = await hs.listRooms(request, from, limit)
    const next = from + rooms.length
    return {
      rooms: rooms.map(toAdminRoom),
      offset: from,
      total_rooms: total,
      ...(next < total && { next_batch: next }),
      ...(from > 0 && { prev_batch: Math.max(0, from - limit) }),
    }
  },
})
