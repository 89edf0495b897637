/**
 * GET /_matrix/federation/v1/query/directory (operationId `queryRoomDirectory`)
 *
 * The room behind an alias of ours, and servers that are in it.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import { RoomAliasSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

type Needs = Pick<RoomAliases, 'findLocalAlias'>

export const queryRoomDirectoryEndpoint = defineEndpoint({
  operationId: 'queryRoomDirectory',
  method: 'GET',
  path: '/_matrix/federation/v1/query/directory',
  auth: 'signed',
  query: Type.Object({ room_alias: RoomAliasSchema }),
  response: Type.Object({ room_id: RoomIdSchema, servers: Type.Array(Type.String()) }),
  errors: ['M_NOT_FOUND'],
  async handle({ query }, hs: Needs) {
    const found = await hs.findLocalAlias(query.room_alias)
    if (!found) throw notFound('There is no such room alias here.')
    return { room_id: found.roomId, servers: found.servers.slice(0, 50) }
  },
})
