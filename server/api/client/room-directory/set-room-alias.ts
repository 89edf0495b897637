/**
 * PUT /_matrix/client/v3/directory/room/{roomAlias} (operationId `setRoomAlias`)
 *
 * Names a room the requester is in by an alias of this server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias
 */
import { Type } from 'typebox'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomAliasSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

type Needs = Pick<RoomAliases, 'createAlias'> & Pick<OwnUsers, 'checkFreeAlias'>

export const setRoomAliasEndpoint = defineEndpoint({
  operationId: 'setRoomAlias',
  method: 'PUT',
  path: '/_matrix/client/v3/directory/room/:roomAlias',
  auth: 'access-token',
  notIfSuspended: true,
  params: Type.Object({ roomAlias: RoomAliasSchema }),
  body: Type.Object({ room_id: RoomIdSchema }),
  response: Type.Object({}),
  errors: ['M_UNKNOWN', 'M_EXCLUSIVE', 'M_FORBIDDEN', 'M_INVALID_PARAM'],
  async handle({ params, body, requester }, hs: Needs) {
    hs.checkFreeAlias(params.roomAlias, requester)
    await hs.createAlias({ alias: params.roomAlias, roomId: body.room_id, userId: requester.userId })
    return {}
  },
})
