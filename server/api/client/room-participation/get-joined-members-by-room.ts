/**
 * GET /_matrix/client/v3/rooms/{roomId}/joined_members (operationId `getJoinedMembersByRoom`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadState } from '../../../sync/read-state.js'

type Needs = { readJoinedMembers: ReadState['readJoinedMembers'] }

const MemberSchema = Type.Object({
  display_name: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
})

export const getJoinedMembersByRoomEndpoint = defineEndpoint({
  operationId: 'getJoinedMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId/joined_members',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema }),
  response: Type.Object({ joined: Type.Record(Type.String(), MemberSchema) }),
  errors: ['M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    return { joined: await hs.readJoinedMembers(requester.userId, params.roomId) }
  },
})
