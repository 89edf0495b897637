/**
 * GET /_matrix/federation/v1/backfill/{roomId} (operationId `backfillRoom`)
 *
 * Events of a room backwards from the given ones, which are part of the answer. At most 100.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
 */

import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Clock } from '../../../kernel/clock.js'
import { EventIdSchema, RoomIdSchema, type ServerName } from '../../../kernel/identifiers.js'
import { copySpelled } from '../../../kernel/spelled-numbers.js'

type Needs = Pick<ReadHistory, 'readBackwards'> & { readonly serverName: ServerName; readonly clock: Clock }

export const backfillRoomEndpoint = defineEndpoint({
  operationId: 'backfillRoom',
  method: 'GET',
  path: '/_matrix/federation/v1/backfill/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({
    v: Type.Array(EventIdSchema, { minItems: 1, maxItems: 100 }),
    limit: Type.Integer({ minimum: 1 }),
  }),
  response: Type.Object({
    origin: Type.String(),
    origin_server_ts: Type.Integer(),
    pdus: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, origin, signal }, hs: Needs) {
    const pdus = await hs.readBackwards({ origin, signal }, params.roomId, query.v, query.limit)
    return { origin: hs.serverName, origin_server_ts: hs.clock.now(), pdus: pdus.map(copySpelled) }
  },
})
