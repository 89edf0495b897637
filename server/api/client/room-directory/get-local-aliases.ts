/**
 * GET /_matrix/client/v3/rooms/{roomId}/aliases (operationId `getLocalAliases`)
 *
 * This server's aliases of a room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

type Needs = Pick<RoomAliases, 'listAliases'>

export const getLocalAliasesEndpoint = defineEndpoint({
  operationId: 'getLocalAliases',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/aliases',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema }),
  response: Type.Object({ aliases: Type.Array(Type.String()) }),
  errors: ['M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    return { aliases: await hs.listAliases({ roomId: params.roomId, userId: requester.userId }) }
  },
})
