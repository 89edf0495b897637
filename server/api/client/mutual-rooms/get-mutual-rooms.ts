/**
 * GET /_matrix/client/v1/mutual_rooms (operationId `getMutualRooms`)
 *
 * The rooms that the requester and another user are both joined to.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { invalidParam } from '../../../kernel/errors.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { Rooms } from '../../../rooms/room.js'

type Needs = Pick<Rooms, 'sharedRooms'>

const pageSize = 500

export const getMutualRoomsEndpoint = defineEndpoint({
  operationId: 'getMutualRooms',
  method: 'GET',
  path: '/_matrix/client/v1/mutual_rooms',
  auth: 'access-token',
  query: Type.Object({ user_id: UserIdSchema, from: Type.Optional(Type.String()) }),
  response: Type.Object({
    joined: Type.Array(RoomIdSchema),
    next_batch: Type.Optional(Type.String()),
    count: Type.Integer(),
  }),
  errors: ['M_INVALID_PARAM'],
  async handle({ query, requester }, hs: Needs) {
    if (query.user_id === requester.userId) throw invalidParam('That user is you')
    const start = query.from === undefined ? 0 : Number(/^m1_([0-9]{1,9})$/.exec(query.from)?.[1] ?? Number.NaN)
    if (!Number.isInteger(start)) throw invalidParam('from is not a token of this list')
    const shared = (await hs.sharedRooms(requester.userId, query.user_id)).sort()
    const end = start + pageSize
    return {
      joined: shared.slice(start, end),
      count: shared.length,
      ...(end < shared.length ? { next_batch: `m1_${end}` } : {}),
    }
  },
})
