/**
 * POST /_matrix/client/v3/rooms/{roomId}/upgrade (operationId `upgradeRoom`)
 *
 * Replaces a room by one of another version.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'
import type { UpgradeRoom } from '../../../rooms/upgrade-room.js'

type Needs = { upgradeRoom: UpgradeRoom }

export const upgradeRoomEndpoint = defineEndpoint({
  operationId: 'upgradeRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/upgrade',
  auth: 'access-token',
  notIfSuspended: true,
  rateLimit: 'create',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({
    new_version: Type.String(),
    additional_creators: Type.Optional(Type.Array(UserIdSchema)),
  }),
  response: Type.Object({ replacement_room: RoomIdSchema }),
  errors: ['M_UNSUPPORTED_ROOM_VERSION', 'M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    const replacement = await hs.upgradeRoom({
      roomId: params.roomId,
      userId: requester.userId,
      newVersion: body.new_version,
      additionalCreators: body.additional_creators,
    })
    return { replacement_room: replacement }
  },
})
