/**
 * POST /_matrix/client/v3/rooms/{roomId}/report (operationId `reportRoom`)
 *
 * Tells the administrators of a room, by anybody.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { Reports } from '../../../users/reports.js'

type Needs = Pick<Reports, 'reportRoom'>

export const reportRoomEndpoint = defineEndpoint({
  operationId: 'reportRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/report',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({ reason: Type.String() }),
  maxBodyBytes: 32 * 1024,
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.reportRoom(requester.userId, params.roomId, body)
    return {}
  },
})
