/**
 * GET /_matrix/client/v3/publicRooms (operationId `getPublicRooms`)
 *
 * The rooms this server publishes, or those of another server.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'
import { type PublicRoomsNeeds, PublicRoomsResponseSchema, readPublicRooms } from './read-public-rooms.js'

export const getPublicRoomsEndpoint = defineEndpoint({
  operationId: 'getPublicRooms',
  method: 'GET',
  path: '/_matrix/client/v3/publicRooms',
  auth: 'optional',
  rateLimit: 'directory',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    since: Type.Optional(Type.String()),
    server: Type.Optional(ServerNameSchema),
  }),
  response: PublicRoomsResponseSchema,
  errors: ['M_MISSING_TOKEN', 'M_INVALID_PARAM', 'M_NOT_FOUND'],
  handle: ({ query, requester }, hs: PublicRoomsNeeds) =>
    readPublicRooms(hs, requester, query.server, { limit: query.limit, since: query.since }),
})
