/**
 * PUT /_matrix/federation/v2/invite/{roomId}/{eventId} (operationId `sendInviteV2`)
 *
 * Takes an invite for a user of ours and answers with the event, signed by us too.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
import { Type } from 'typebox'
import type { ReceiveInvite } from '../../../federation/receive-invite.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = { receiveInvite: ReceiveInvite }

export const sendInviteV2Endpoint = defineEndpoint({
  operationId: 'sendInviteV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/invite/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({
    room_version: Type.String(),
    event: Type.Record(Type.String(), Type.Unknown()),
    invite_room_state: Type.Optional(Type.Array(Type.Unknown())),
  }),
  response: Type.Object({ event: Type.Record(Type.String(), Type.Unknown()) }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM', 'M_MISSING_PARAM', 'M_INCOMPATIBLE_ROOM_VERSION'],
  async handle({ params, body, origin }, hs: Needs) {
    const { room_version: roomVersion, event, invite_room_state: inviteRoomState = [] } = body
    return { event: await hs.receiveInvite({ origin, ...params, roomVersion, event, inviteRoomState }) }
  },
})
