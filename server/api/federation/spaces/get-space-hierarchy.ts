/**
 * GET /_matrix/federation/v1/hierarchy/{roomId} (operationId `getSpaceHierarchy`)
 *
 * A space and its rooms, as far as they are that server's business.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SpaceHierarchies } from '../../../rooms/space-hierarchy.js'
import { RoomSummarySchema, SpaceRoomSchema } from '../../client/room-discovery/room-summary-schema.js'

type Needs = Pick<SpaceHierarchies, 'readHierarchyFor'>

export const getSpaceHierarchyEndpoint = defineEndpoint({
  operationId: 'getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/federation/v1/hierarchy/:roomId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
  response: Type.Object({
    room: SpaceRoomSchema,
    children: Type.Array(RoomSummarySchema),
    inaccessible_children: Type.Array(RoomIdSchema),
  }),
  errors: ['M_NOT_FOUND'],
  handle: ({ params, query, origin }, hs: Needs) =>
    hs.readHierarchyFor(origin, params.roomId, query.suggested_only ?? false),
})
