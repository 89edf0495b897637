/**
 * GET /_matrix/client/v3/directory/room/{roomAlias} (operationId `getRoomIdByAlias`)
 *
 * The room an alias names and the servers that are in it. Aliases of other servers are asked for there.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomAliasSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

type Needs = Pick<RoomAliases, 'resolveAlias'>

export const getRoomIdByAliasEndpoint = defineEndpoint({
  operationId: 'getRoomIdByAlias',
  method: 'GET',
  path: '/_matrix/client/v3/directory/room/:roomAlias',
  auth: 'none',
  rateLimit: 'directory',
  params: Type.Object({ roomAlias: RoomAliasSchema }),
  response: Type.Object({ room_id: RoomIdSchema, servers: Type.Array(Type.String()) }),
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params }, hs: Needs) {
    const { roomId, servers } = await hs.resolveAlias(params.roomAlias)
    return { room_id: roomId, servers }
  },
})
