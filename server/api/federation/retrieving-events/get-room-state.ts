/**
 * GET /_matrix/federation/v1/state/{roomId} (operationId `getRoomState`)
 *
 * The state of a room before an event, and its auth chain.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid
 */
import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { streamJson } from '../../../http/json-stream.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'readStateIdsFor' | 'readPieces'>

export const getRoomStateEndpoint = defineEndpoint({
  operationId: 'getRoomState',
  method: 'GET',
  path: '/_matrix/federation/v1/state/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ event_id: EventIdSchema }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, origin, signal }, hs: Needs) {
    const asker = { origin, signal }
    const { state, authChain } = await hs.readStateIdsFor(asker, params.roomId, query.event_id)
    return streamJson({ pdus: hs.readPieces(asker, state), auth_chain: hs.readPieces(asker, authChain) })
  },
})
