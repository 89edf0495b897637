/**
 * GET /_matrix/federation/v1/make_knock/{roomId}/{userId} (operationId `makeKnock`)
 *
 * A template of the knock event of a user of another server.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_knockroomiduserid
 */
import { Type } from 'typebox'
import type { MakeMembership } from '../../../federation/make-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'

type Needs = { makeMembership: MakeMembership }

export const makeKnockEndpoint = defineEndpoint({
  operationId: 'makeKnock',
  method: 'GET',
  path: '/_matrix/federation/v1/make_knock/:roomId/:userId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, userId: UserIdSchema }),
  query: Type.Object({ ver: Type.Optional(Type.Array(Type.String())) }),
  response: Type.Object({ event: Type.Record(Type.String(), Type.Unknown()), room_version: Type.String() }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INCOMPATIBLE_ROOM_VERSION'],
  async handle({ params, query, origin }, hs: Needs) {
    const template = await hs.makeMembership({ origin, ...params, membership: 'knock', versions: query.ver ?? ['1'] })
    return { ...template, event: { ...template.event } }
  },
})
