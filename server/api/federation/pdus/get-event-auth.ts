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
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<ReadHistory, 'readAuthChainFor'>

export const getEventAuthEndpoint = defineEndpoint({
  operationId: 'getEventAuth',
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  response: Type.Object({ auth_chain: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, origin }, hs: Needs) {
    const chain = await hs.readAuthChainFor(origin, params.roomId, params.eventId)
    return { auth_chain: chain.map((pdu) => ({ ...pdu })) }
  },
})
