/**
 * GET /_matrix/federation/v1/publicRooms (operationId `getPublicRooms`)
 *
 * This server's directory of published rooms, where `federation.allow_public_rooms` opens it.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { type PublicRoomsNeeds, PublicRoomsSchema, readPublicRooms } from './read-public-rooms.js'

export const getPublicRoomsEndpoint = defineEndpoint({
  operationId: 'getPublicRooms',
  method: 'GET',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'signed',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    since: Type.Optional(Type.String()),
    include_all_networks: Type.Optional(Type.Boolean()),
    third_party_instance_id: Type.Optional(Type.String()),
  }),
  response: PublicRoomsSchema,
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  handle: ({ query: { limit, since } }, hs: PublicRoomsNeeds) =>
    readPublicRooms(hs, { ...(limit !== undefined && { limit }), ...(since !== undefined && { since }) }),
})
