/**
 * GET /_matrix/client/v3/rooms/{roomId}/event/{eventId} (operationId `getOneRoomEvent`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadEvents } from '../../../sync/read-event.js'

type Needs = { readOneEvent: ReadEvents['readEvent'] }

export const getOneRoomEventEndpoint = defineEndpoint({
  operationId: 'getOneRoomEvent',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/event/:eventId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  errors: ['M_NOT_FOUND'],
  async handle({ params, requester }, hs: Needs) {
    return hs.readOneEvent({ userId: requester.userId, sid: requester.sid, ...params })
  },
})
