/**
 * GET /_matrix/federation/v1/timestamp_to_event/{roomId} (operationId `getEventByTimestamp`)
 *
 * The event that this server has closest to a time, in one direction.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
 */
import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'findEventByTime'>

export const getEventByTimestampEndpoint = defineEndpoint({
  operationId: 'getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ ts: Type.Integer(), dir: Type.Enum(['f', 'b']) }),
  response: Type.Object({ event_id: EventIdSchema, origin_server_ts: Type.Integer() }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, origin, signal }, hs: Needs) {
    const event = await hs.findEventByTime({ origin, signal }, params.roomId, query.ts, query.dir)
    return { event_id: event.eventId, origin_server_ts: event.pdu.origin_server_ts }
  },
})
