/**
 * GET /_matrix/federation/v1/state/{roomId} (operationId `getRoomState`)
 *
 * The state of a room before an event, and its auth chain.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid
 */
import { Type } from 'typebox'
import { type ReadHistory, toWire } from '../../../federation/read-history.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'readStateFor'>

export const getRoomStateEndpoint = defineEndpoint({
  operationId: 'getRoomState',
  method: 'GET',
  path: '/_matrix/federation/v1/state/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ event_id: EventIdSchema }),
  response: Type.Object({
    pdus: Type.Array(Type.Record(Type.String(), Type.Unknown())),
    auth_chain: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, query, origin }, hs: Needs) {
    const { state, authChain } = await hs.readStateFor(origin, params.roomId, query.event_id)
    return { pdus: toWire(state), auth_chain: toWire(authChain) }
  },
})
