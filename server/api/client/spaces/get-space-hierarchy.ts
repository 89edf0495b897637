/**
 * GET /_matrix/client/v1/rooms/{roomId}/hierarchy (operationId `getSpaceHierarchy`)
 *
 * The rooms of a space and of the spaces in it, page by page.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SpaceHierarchies } from '../../../rooms/space-hierarchy.js'
import { SpaceRoomSchema } from '../room-discovery/room-summary-schema.js'

type Needs = Pick<SpaceHierarchies, 'readHierarchy'>

export const getSpaceHierarchyEndpoint = defineEndpoint({
  operationId: 'getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/hierarchy',
  auth: 'access-token',
  rateLimit: 'directory',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({
    suggested_only: Type.Optional(Type.Boolean()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
    from: Type.Optional(Type.String()),
  }),
  response: Type.Object({ rooms: Type.Array(SpaceRoomSchema), next_batch: Type.Optional(Type.String()) }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  handle: ({ params, query, requester }, hs: Needs) =>
    hs.readHierarchy({
      userId: requester.userId,
      roomId: params.roomId,
      suggestedOnly: query.suggested_only ?? false,
      limit: query.limit,
      maxDepth: query.max_depth,
      from: query.from,
    }),
})
