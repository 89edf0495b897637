/**
 * POST /_matrix/client/v3/publicRooms (operationId `queryPublicRooms`)
 *
 * The rooms this server publishes that match a filter, or those of another server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { type PublicRoomsNeeds, PublicRoomsResponseSchema, readPublicRooms } from './read-public-rooms.js'

export const queryPublicRoomsEndpoint = defineEndpoint({
  operationId: 'queryPublicRooms',
  method: 'POST',
  path: '/_matrix/client/v3/publicRooms',
  auth: 'access-token', // whatever `room_directory.public_without_auth` says: that is about the GET
  guests: true,
  rateLimit: 'directory',
  query: Type.Object({ server: Type.Optional(ServerNameSchema) }),
  body: Type.Object({
    filter: Type.Optional(
      Type.Object({
        generic_search_term: Type.Optional(Type.String()),
        room_types: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
      }),
    ),
    include_all_networks: Type.Optional(Type.Boolean()),
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    since: Type.Optional(Type.String()),
    third_party_instance_id: Type.Optional(Type.String()),
  }),
  response: PublicRoomsResponseSchema,
  errors: ['M_INVALID_PARAM', 'M_NOT_FOUND'],
  handle: ({ query, body, requester }, hs: PublicRoomsNeeds) =>
    readPublicRooms(hs, requester, query.server, {
      limit: body.limit,
      since: body.since,
      searchTerm: body.filter?.generic_search_term,
      roomTypes: body.filter?.room_types,
      instanceId: body.third_party_instance_id,
      withAllNetworks: body.include_all_networks,
    }),
})
