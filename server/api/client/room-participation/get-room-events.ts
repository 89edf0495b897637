/**
 * GET /_matrix/client/v3/rooms/{roomId}/messages (operationId `getRoomEvents`)
 *
 * A page of a room's history, older or newer from a token on. With `org.hearth.ask_again` what is missing in it is asked of
 * other servers at once, though they did not answer a moment ago.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadMessages } from '../../../sync/read-messages.js'
import { readFilterQuery } from './room-event-filter.js'

type Needs = { readMessages: ReadMessages }

export const getRoomEventsEndpoint = defineEndpoint({
  operationId: 'getRoomEvents',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/messages',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    dir: Type.Union([Type.Literal('b'), Type.Literal('f')]),
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    filter: Type.Optional(Type.String()),
    'org.hearth.ask_again': Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({
    start: Type.String(),
    end: Type.Optional(Type.String()),
    chunk: Type.Array(Type.Object({}, { additionalProperties: true })),
    state: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }))),
  }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM', 'M_BAD_JSON', 'M_NOT_JSON'],
  async handle({ params, query, requester }, hs: Needs) {
    return hs.readMessages({
      userId: requester.userId,
      sid: requester.sid,
      roomId: params.roomId,
      direction: query.dir,
      from: query.from,
      to: query.to,
      limit: query.limit ?? 10,
      filter: readFilterQuery(query.filter),
      isAskedAgain: query['org.hearth.ask_again'],
    })
  },
})
