/**
 * PUT /_matrix/federation/v1/exchange_third_party_invite/{roomId} (operationId `exchangeThirdPartyInvite`)
 *
 * Makes an invite of the one that a user of ours gave to an address, now that it is known whose address that is.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid
 */
import { Type } from 'typebox'
import type { ExchangeThirdPartyInvite } from '../../../federation/exchange-third-party-invite.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'

type Needs = { exchangeThirdPartyInvite: ExchangeThirdPartyInvite }

export const exchangeThirdPartyInviteEndpoint = defineEndpoint({
  operationId: 'exchangeThirdPartyInvite',
  method: 'PUT',
  path: '/_matrix/federation/v1/exchange_third_party_invite/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  body: Type.Object({
    type: Type.Literal('m.room.member'),
    room_id: RoomIdSchema,
    sender: UserIdSchema,
    state_key: UserIdSchema,
    content: Type.Object(
      {
        membership: Type.Literal('invite'),
        third_party_invite: Type.Object(
          {
            display_name: Type.Optional(Type.String()),
            signed: Type.Object(
              {
                mxid: UserIdSchema,
                token: Type.String(),
                signatures: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
              },
              { additionalProperties: true },
            ),
          },
          { additionalProperties: true },
        ),
      },
      { additionalProperties: true },
    ),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params, body, origin }, hs: Needs) {
    const { sender, state_key: target, content } = body
    await hs.exchangeThirdPartyInvite({
      ...{ origin, roomId: params.roomId, namedRoom: body.room_id },
      ...{ sender, target, invite: content.third_party_invite },
    })
    return {}
  },
})
