/**
 * GET /_matrix/client/v1/room_summary/{roomIdOrAlias} (operationId `getRoomSummary`)
 *
 * What a room is, for somebody who considers joining it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomAliasSchema, RoomIdSchema, ServerNameSchema } from '../../../kernel/identifiers.js'
import type { ReadRoomSummary } from '../../../rooms/read-room-summary.js'
import { RoomSummarySchema } from './room-summary-schema.js'

type Needs = { readRoomSummary: ReadRoomSummary }

export const getRoomSummaryEndpoint = defineEndpoint({
  operationId: 'getRoomSummary',
  method: 'GET',
  path: '/_matrix/client/v1/room_summary/:roomIdOrAlias',
  auth: 'optional',
  rateLimit: 'directory',
  params: Type.Object({ roomIdOrAlias: Type.Union([RoomIdSchema, RoomAliasSchema]) }),
  query: Type.Object({ via: Type.Optional(Type.Array(ServerNameSchema)) }),
  response: Type.Intersect([RoomSummarySchema, Type.Object({ membership: Type.Optional(Type.String()) })]),
  errors: ['M_NOT_FOUND'],
  handle: ({ params, query, requester }, hs: Needs) =>
    hs.readRoomSummary({ room: params.roomIdOrAlias, via: query.via ?? [], userId: requester?.userId }),
})
