/**
 * PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId} (operationId `sendKnock`)
 *
 * Accepts a signed knock and answers with what somebody outside may know of the room.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid
 */
import { Type } from 'typebox'
import type { SendMembership } from '../../../federation/send-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<SendMembership, 'receiveKnock'>

export const sendKnockEndpoint = defineEndpoint({
  operationId: 'sendKnock',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  maxBodyBytes: 128 * 1024,
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({ knock_room_state: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params, body, origin }, hs: Needs) {
    return { knock_room_state: await hs.receiveKnock({ origin, ...params, event: body }) }
  },
})
