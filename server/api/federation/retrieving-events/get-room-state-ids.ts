/**
 * GET /_matrix/federation/v1/state_ids/{roomId} (operationId `getRoomStateIds`)
 *
 * The state of a room before an event, and its auth chain, as event IDs.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid
 */
import { Type } from 'typebox'
import type { ReadHistory } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'readStateIdsFor'>

export const getRoomStateIdsEndpoint = defineEndpoint({
  operationId: 'getRoomStateIds',
  method: 'GET',
  path: '/_matrix/federation/v1/state_ids/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ event_id: EventIdSchema }),
  response: Type.Object({ pdu_ids: Type.Array(EventIdSchema), auth_chain_ids: Type.Array(EventIdSchema) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, origin, signal }, hs: Needs) {
    const { state, authChain } = await hs.readStateIdsFor({ origin, signal }, params.roomId, query.event_id)
    return { pdu_ids: [...state], auth_chain_ids: [...authChain] }
  },
})
