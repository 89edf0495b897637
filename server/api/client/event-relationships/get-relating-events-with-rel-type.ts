/**
 * GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType} (operationId `getRelatingEventsWithRelType`)
 *
 * The events that relate to an event in one way: replies in its thread, for instance.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import { type Needs, RelationsQuerySchema, RelationsSchema, readRelationsPage } from './relations-page.js'

export const getRelatingEventsWithRelTypeEndpoint = defineEndpoint({
  operationId: 'getRelatingEventsWithRelType',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/relations/:eventId/:relType',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema, relType: Type.String() }),
  query: RelationsQuerySchema,
  response: RelationsSchema,
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  handle: ({ params, query, requester }, hs: Needs) => readRelationsPage(hs, requester, params, query),
})
