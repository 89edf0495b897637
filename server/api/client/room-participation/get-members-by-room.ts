/**
 * GET /_matrix/client/v3/rooms/{roomId}/members (operationId `getMembersByRoom`)
 *
 * The member events of a room, of now or of an earlier point.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadState } from '../../../sync/read-state.js'

type Needs = { readMembers: ReadState['readMembers'] }

const MembershipSchema = Type.Union([
  Type.Literal('join'),
  Type.Literal('invite'),
  Type.Literal('knock'),
  Type.Literal('leave'),
  Type.Literal('ban'),
])

export const getMembersByRoomEndpoint = defineEndpoint({
  operationId: 'getMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/members',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({
    at: Type.Optional(Type.String()),
    membership: Type.Optional(MembershipSchema),
    not_membership: Type.Optional(MembershipSchema),
  }),
  response: Type.Object({ chunk: Type.Array(Type.Object({}, { additionalProperties: true })) }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  async handle({ params, query, requester }, hs: Needs) {
    const chunk = await hs.readMembers({
      userId: requester.userId,
      sid: requester.sid,
      roomId: params.roomId,
      at: query.at,
      membership: query.membership,
      notMembership: query.not_membership,
    })
    return { chunk }
  },
})
