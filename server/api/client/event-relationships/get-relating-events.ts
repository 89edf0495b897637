/**
 * GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId} (operationId `getRelatingEvents`)
 *
 * The events that relate to an event in any way.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import { type Needs, RelationsQuerySchema, RelationsSchema, readRelationsPage } from './relations-page.js'

export const getRelatingEventsEndpoint = defineEndpoint({
  operationId: 'getRelatingEvents',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/relations/:eventId',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  query: RelationsQuerySchema,
  response: RelationsSchema,
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  handle: ({ params, query, requester }, hs: Needs) => readRelationsPage(hs, requester, params, query),
})
