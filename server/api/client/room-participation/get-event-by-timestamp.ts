/**
 * GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event (operationId `getEventByTimestamp`)
 *
 * The event closest to a time, for "jump to date".
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadEventByTime } from '../../../sync/read-event-by-time.js'

type Needs = { readEventByTime: ReadEventByTime }

export const getEventByTimestampEndpoint = defineEndpoint({
  operationId: 'getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/timestamp_to_event',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ ts: Type.Integer(), dir: Type.Enum(['f', 'b']) }),
  response: Type.Object({ event_id: EventIdSchema, origin_server_ts: Type.Integer() }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, requester }, hs: Needs) {
    const { ts, dir: direction } = query
    const event = await hs.readEventByTime({ userId: requester.userId, roomId: params.roomId, ts, direction })
    return { event_id: event.eventId, origin_server_ts: event.pdu.origin_server_ts }
  },
})
