/**
 * POST /_hearth/admin/v1/invitations (operationId `createInvitation`)
 *
 * Makes an invitation: a registration token, limited in time and number, that brings whoever uses it into the given
 * rooms. The token is in this answer and nowhere else. It is also one for the registration of any Matrix client.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import type { Clock } from '../../kernel/clock.js'
import { RoomIdSchema } from '../../kernel/identifiers.js'
import type { Invitations } from '../../users/invitations.js'
import { InvitationSchema, toInvitation } from './invitation-schema.js'

type Needs = Pick<Invitations, 'createInvitation'> & { clock: Pick<Clock, 'now'> }

const minute = 60_000
const year = 366 * 24 * 60 * minute

export const createInvitationEndpoint = defineEndpoint({
  operationId: 'createInvitation',
  method: 'POST',
  path: '/_hearth/admin/v1/invitations',
  auth: 'admin',
  rateLimit: 'invite',
  body: Type.Object({
    expires_in_ms: Type.Integer({ minimum: minute, maximum: year }),
    uses_allowed: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    room_ids: Type.Optional(Type.Array(RoomIdSchema, { maxItems: 20 })),
    label: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  }),
  response: Type.Object({ invitation: InvitationSchema, token: Type.String() }),
  errors: ['M_FORBIDDEN'],
  async handle({ body, requester }, hs: Needs) {
    const { invitation, token } = await hs.createInvitation({
      createdBy: requester.userId,
      expiresAt: hs.clock.now() + body.expires_in_ms,
      uses: body.uses_allowed ?? 1,
      roomIds: [...new Set(body.room_ids)],
      label: body.label,
    })
    return { invitation: toInvitation(invitation), token }
  },
})
