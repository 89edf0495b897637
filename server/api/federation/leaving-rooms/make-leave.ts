/**
 * GET /_matrix/federation/v1/make_leave/{roomId}/{userId} (operationId `makeLeave`)
 *
 * A template of the leave event of a user of another server: to leave, or to reject an invite.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_leaveroomiduserid
 */
import { Type } from 'typebox'
import type { MakeMembership } from '../../../federation/make-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'

type Needs = { makeMembership: MakeMembership }

export const makeLeaveEndpoint = defineEndpoint({
  operationId: 'makeLeave',
  method: 'GET',
  path: '/_matrix/federation/v1/make_leave/:roomId/:userId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, userId: UserIdSchema }),
  response: Type.Object({ event: Type.Record(Type.String(), Type.Unknown()), room_version: Type.String() }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND'],
  async handle({ params, origin }, hs: Needs) {
    const template = await hs.makeMembership({ origin, ...params, membership: 'leave' })
    return { ...template, event: { ...template.event } }
  },
})
