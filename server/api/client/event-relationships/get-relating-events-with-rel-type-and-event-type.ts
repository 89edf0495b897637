/**
 * GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType} (operationId `getRelatingEventsWithRelTypeAndEventType`)
 *
 * The events of one type that relate to an event in one way.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import { type Needs, RelationsQuerySchema, RelationsSchema, readRelationsPage } from './relations-page.js'

export const getRelatingEventsWithRelTypeAndEventTypeEndpoint = defineEndpoint({
  operationId: 'getRelatingEventsWithRelTypeAndEventType',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/relations/:eventId/:relType/:eventType',
  auth: 'access-token',
  params: Type.Object({
    roomId: RoomIdSchema,
    eventId: EventIdSchema,
    relType: Type.String(),
    eventType: Type.String(),
  }),
  query: RelationsQuerySchema,
  response: RelationsSchema,
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  handle: ({ params, query, requester }, hs: Needs) => readRelationsPage(hs, requester, params, query),
})
