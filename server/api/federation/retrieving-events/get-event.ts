/**
 * GET /_matrix/federation/v1/event/{eventId} (operationId `getEvent`)
 *
 * One event of a room that the asking server is in.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid
 */

import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Clock } from '../../../kernel/clock.js'
import { EventIdSchema, type ServerName } from '../../../kernel/identifiers.js'
import { copySpelled } from '../../../kernel/spelled-numbers.js'

type Needs = Pick<ReadHistory, 'readEventFor'> & { readonly serverName: ServerName; readonly clock: Clock }

export const getEventEndpoint = defineEndpoint({
  operationId: 'getEvent',
  method: 'GET',
  path: '/_matrix/federation/v1/event/:eventId',
  auth: 'signed',
  params: Type.Object({ eventId: EventIdSchema }),
  response: Type.Object({
    origin: Type.String(),
    origin_server_ts: Type.Integer(),
    pdus: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, origin, signal }, hs: Needs) {
    const pdu = await hs.readEventFor({ origin, signal }, params.eventId)
    return { origin: hs.serverName, origin_server_ts: hs.clock.now(), pdus: [copySpelled(pdu)] }
  },
})
