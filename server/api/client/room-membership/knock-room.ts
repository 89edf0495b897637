/**
 * POST /_matrix/client/v3/knock/{roomIdOrAlias} (operationId `knockRoom`)
 *
 * Asks to be let into a room. The members see it and may answer with an invite.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'
import { resolveRoom } from './room-or-alias.js'

type Needs = Pick<MemberOperations, 'knockRoom'> & Pick<RoomAliases, 'resolveAlias'>

export const knockRoomEndpoint = defineEndpoint({
  operationId: 'knockRoom',
  method: 'POST',
  path: '/_matrix/client/v3/knock/:roomIdOrAlias',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'join',
  params: Type.Object({ roomIdOrAlias: Type.String() }),
  query: Type.Object({
    via: Type.Optional(Type.Array(Type.String())),
    server_name: Type.Optional(Type.Array(Type.String())), // the older name, which clients still send
  }),
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  response: Type.Object({ room_id: RoomIdSchema }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM', 'M_INCOMPATIBLE_ROOM_VERSION'],
  async handle({ params, query, body, requester }, hs: Needs) {
    const { roomId, via } = await resolveRoom(hs, params.roomIdOrAlias, query.via ?? query.server_name)
    return { room_id: await hs.knockRoom({ roomId, via, sender: requester.userId, reason: body.reason }) }
  },
})
