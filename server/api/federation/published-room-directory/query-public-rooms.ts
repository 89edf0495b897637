/**
 * POST /_matrix/federation/v1/publicRooms (operationId `queryPublicRooms`)
 *
 * The same directory, filtered by a search term and by room type.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { type PublicRoomsNeeds, PublicRoomsSchema, readPublicRooms } from './read-public-rooms.js'

export const queryPublicRoomsEndpoint = defineEndpoint({
  operationId: 'queryPublicRooms',
  method: 'POST',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'signed',
  maxBodyBytes: 64 * 1024,
  body: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    since: Type.Optional(Type.String()),
    filter: Type.Optional(
      Type.Object({
        generic_search_term: Type.Optional(Type.String()),
        room_types: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
      }),
    ),
  }),
  response: PublicRoomsSchema,
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  handle({ body: { limit, since, filter } }, hs: PublicRoomsNeeds) {
    return readPublicRooms(hs, {
      ...(limit !== undefined && { limit }),
      ...(since !== undefined && { since }),
      ...(filter?.generic_search_term !== undefined && { searchTerm: filter.generic_search_term }),
      ...(filter?.room_types !== undefined && { roomTypes: filter.room_types }),
    })
  },
})
