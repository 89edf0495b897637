/**
 * PUT /_matrix/client/v3/directory/list/room/{roomId} (operationId `setRoomVisibilityOnDirectory`)
 *
 * Lists a room in this server's directory, or takes it out.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { PublicRooms } from '../../../rooms/public-rooms.js'

type Needs = Pick<PublicRooms, 'setRoomVisibility'>

export const setRoomVisibilityEndpoint = defineEndpoint({
  operationId: 'setRoomVisibilityOnDirectory',
  method: 'PUT',
  path: '/_matrix/client/v3/directory/list/room/:roomId',
  auth: 'access-token',
  notIfSuspended: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])) }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_FORBIDDEN'],
  async handle({ params, body, requester }, hs: Needs) {
    const { userId, isAdmin } = requester
    await hs.setRoomVisibility({ roomId: params.roomId, userId, isAdmin, visibility: body.visibility ?? 'public' })
    return {}
  },
})
