/**
 * GET /_matrix/client/v3/rooms/{roomId}/context/{eventId} (operationId `getEventContext`)
 *
 * An event with what was said before and after it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadEvents } from '../../../sync/read-event.js'
import { readFilterQuery } from './room-event-filter.js'

type Needs = { readEventContext: ReadEvents['readContext'] }

export const getEventContextEndpoint = defineEndpoint({
  operationId: 'getEventContext',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/context/:eventId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    filter: Type.Optional(Type.String()),
  }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_BAD_JSON', 'M_NOT_JSON'],
  async handle({ params, query, requester }, hs: Needs) {
    return hs.readEventContext({
      userId: requester.userId,
      sid: requester.sid,
      roomId: params.roomId,
      eventId: params.eventId,
      limit: query.limit ?? 10,
      filter: readFilterQuery(query.filter),
    })
  },
})
