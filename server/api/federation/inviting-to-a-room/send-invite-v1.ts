/**
 * PUT /_matrix/federation/v1/invite/{roomId}/{eventId} (operationId `sendInviteV1`)
 *
 * The older form of an invite: the body is the event itself, the room is of version 1 or 2 (the event
 * ID of the path tells nothing more), and the answer is the odd pair `[200, { event }]`.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid
 */
import { Type } from 'typebox'
import type { ReceiveInvite } from '../../../federation/receive-invite.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { json } from '../../../http/reply.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = { receiveInvite: ReceiveInvite }

export const sendInviteV1Endpoint = defineEndpoint({
  operationId: 'sendInviteV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/invite/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  async handle({ params, body, origin }, hs: Needs) {
    const state = (body.unsigned as { invite_room_state?: unknown } | undefined)?.invite_room_state
    const inviteRoomState = Array.isArray(state) ? state : []
    const event = await hs.receiveInvite({ origin, ...params, roomVersion: '1', event: body, inviteRoomState })
    return json(200, [200, { event }])
  },
})
