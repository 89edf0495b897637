/**
 * POST /_matrix/client/v3/rooms/{roomId}/read_markers (operationId `setReadMarker`)
 *
 * Moves the fully-read marker and, in the same request, the receipts.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SetFullyRead } from '../../../sync/read-markers.js'
import type { Receipts } from '../../../sync/receipts.js'

type Needs = { setReceipt: Receipts['set']; setFullyRead: SetFullyRead }

export const setReadMarkerEndpoint = defineEndpoint({
  operationId: 'setReadMarker',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/read_markers',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({
    'm.fully_read': Type.Optional(EventIdSchema),
    'm.read': Type.Optional(EventIdSchema),
    'm.read.private': Type.Optional(EventIdSchema),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    const { userId } = requester
    const { roomId } = params
    const fullyRead = body['m.fully_read']
    if (fullyRead) await hs.setFullyRead(userId, roomId, fullyRead)
    for (const receiptType of ['m.read', 'm.read.private'] as const) {
      const eventId = body[receiptType]
      if (eventId) await hs.setReceipt({ userId, roomId, receiptType, eventId })
    }
    return {}
  },
})
