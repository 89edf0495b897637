/**
 * GET /_matrix/federation/v1/make_join/{roomId}/{userId} (operationId `makeJoin`)
 *
 * A template of the join event of a user of another server, for it to fill in and sign.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid
 */
import { Type } from 'typebox'
import type { MakeMembership } from '../../../federation/make-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema, UserIdSchema } from '../../../kernel/identifiers.js'

type Needs = { makeMembership: MakeMembership }

export const makeJoinEndpoint = defineEndpoint({
  operationId: 'makeJoin',
  method: 'GET',
  path: '/_matrix/federation/v1/make_join/:roomId/:userId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, userId: UserIdSchema }),
  query: Type.Object({ ver: Type.Optional(Type.Array(Type.String())) }),
  response: Type.Object({ event: Type.Record(Type.String(), Type.Unknown()), room_version: Type.String() }),
  errors: [
    'M_FORBIDDEN',
    'M_NOT_FOUND',
    'M_INCOMPATIBLE_ROOM_VERSION',
    'M_UNABLE_TO_AUTHORISE_JOIN',
    'M_UNABLE_TO_GRANT_JOIN',
  ],
  async handle({ params, query, origin }, hs: Needs) {
    const template = await hs.makeMembership({ origin, ...params, membership: 'join', versions: query.ver ?? ['1'] })
    return { ...template, event: { ...template.event } }
  },
})
