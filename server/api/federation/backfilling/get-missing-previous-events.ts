/**
 * POST /_matrix/federation/v1/get_missing_events/{roomId} (operationId `getMissingPreviousEvents`)
 *
 * Events between two edges of a room's graph, oldest first. At most 50.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid
 */

import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import { copySpelled } from '../../../kernel/spelled-numbers.js'

type Needs = Pick<ReadHistory, 'readGap'>

const Edge = Type.Array(EventIdSchema, { maxItems: 1000 })

export const getMissingPreviousEventsEndpoint = defineEndpoint({
  operationId: 'getMissingPreviousEvents',
  method: 'POST',
  path: '/_matrix/federation/v1/get_missing_events/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  maxBodyBytes: 256 * 1024,
  body: Type.Object({
    earliest_events: Edge,
    latest_events: Edge,
    limit: Type.Optional(Type.Integer()),
    min_depth: Type.Optional(Type.Integer()),
  }),
  response: Type.Object({ events: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, body, origin, signal }, hs: Needs) {
    const { earliest_events: earliest, latest_events: latest, limit = 10, min_depth: minDepth = 0 } = body
    const events = await hs.readGap({ origin, signal }, params.roomId, {
      earliest,
      latest,
      limit: Math.max(limit, 0),
      minDepth,
    })
    return { events: events.map(copySpelled) }
  },
})
