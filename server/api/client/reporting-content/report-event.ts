/**
 * POST /_matrix/client/v3/rooms/{roomId}/report/{eventId} (operationId `reportEvent`)
 *
 * Tells the administrators of an event, by a member of its room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { Reports } from '../../../users/reports.js'

type Needs = Pick<Reports, 'reportEvent'>

export const reportEventEndpoint = defineEndpoint({
  operationId: 'reportEvent',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/report/:eventId',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  body: Type.Object({ reason: Type.Optional(Type.String()), score: Type.Optional(Type.Integer()) }),
  maxBodyBytes: 32 * 1024,
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    await hs.reportEvent(requester.userId, params.roomId, params.eventId, body)
    return {}
  },
})
