/**
 * POST /_matrix/client/v3/join/{roomIdOrAlias} (operationId `joinRoom`)
 *
 * Joins a room by its ID or alias, through other servers where this one is not in it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { MemberOperations } from '../../../rooms/member-operations.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'
import { JoinBodySchema, readJoinBody } from './join-body.js'
import { resolveRoom } from './room-or-alias.js'

type Needs = Pick<MemberOperations, 'joinRoom'> & Pick<RoomAliases, 'resolveAlias'>

export const joinRoomEndpoint = defineEndpoint({
  operationId: 'joinRoom',
  method: 'POST',
  path: '/_matrix/client/v3/join/:roomIdOrAlias',
  auth: 'access-token',
  guests: true,
  notIfSuspended: true,
  rateLimit: 'join',
  params: Type.Object({ roomIdOrAlias: Type.String() }),
  query: Type.Object({
    via: Type.Optional(Type.Array(Type.String())),
    server_name: Type.Optional(Type.Array(Type.String())), // the older name, which clients still send
  }),
  body: JoinBodySchema,
  response: Type.Object({ room_id: RoomIdSchema }),
  errors: ['M_FORBIDDEN', 'M_GUEST_ACCESS_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM', 'M_INCOMPATIBLE_ROOM_VERSION'],
  async handle({ params, query, body, requester }, hs: Needs) {
    const { roomId, via } = await resolveRoom(hs, params.roomIdOrAlias, query.via ?? query.server_name)
    const { userId: sender, isGuest } = requester
    return { room_id: await hs.joinRoom({ roomId, via, sender, isGuest, ...readJoinBody(body) }) }
  },
})
