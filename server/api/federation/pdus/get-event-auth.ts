/**
 * GET /_matrix/federation/v1/event_auth/{roomId}/{eventId} (operationId `getEventAuth`)
 *
 * The auth chain of an event.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid
 */
import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { streamJson } from '../../../http/json-stream.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'readAuthChainFor' | 'readPieces'>

export const getEventAuthEndpoint = defineEndpoint({
  operationId: 'getEventAuth',
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, origin, signal }, hs: Needs) {
    const asker = { origin, signal }
    const chain = await hs.readAuthChainFor(asker, params.roomId, params.eventId)
    return streamJson({ auth_chain: hs.readPieces(asker, chain) })
  },
})
