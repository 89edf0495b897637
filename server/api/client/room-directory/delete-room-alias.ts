/**
 * DELETE /_matrix/client/v3/directory/room/{roomAlias} (operationId `deleteRoomAlias`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomAliasSchema } from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

type Needs = Pick<RoomAliases, 'removeAlias'>

export const deleteRoomAliasEndpoint = defineEndpoint({
  operationId: 'deleteRoomAlias',
  method: 'DELETE',
  path: '/_matrix/client/v3/directory/room/:roomAlias',
  auth: 'access-token',
  notIfSuspended: true,
  params: Type.Object({ roomAlias: RoomAliasSchema }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    await hs.removeAlias({ alias: params.roomAlias, userId: requester.userId, isAdmin: requester.isAdmin })
    return {}
  },
})
