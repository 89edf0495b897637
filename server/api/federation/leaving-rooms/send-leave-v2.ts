/**
 * PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId} (operationId `sendLeaveV2`)
 *
 * Accepts a signed leave event: a user of another server leaves, or rejects an invite.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid
 */
import { Type } from 'typebox'
import type { SendMembership } from '../../../federation/send-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<SendMembership, 'receiveLeave'>

export const sendLeaveV2Endpoint = defineEndpoint({
  operationId: 'sendLeaveV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_leave/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  maxBodyBytes: 128 * 1024,
  body: Type.Record(Type.String(), Type.Unknown()),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params, body, origin }, hs: Needs) {
    await hs.receiveLeave({ origin, ...params, event: body })
    return {}
  },
})
