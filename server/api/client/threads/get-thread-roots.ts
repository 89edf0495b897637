/**
 * GET /_matrix/client/v1/rooms/{roomId}/threads (operationId `getThreadRoots`)
 *
 * The threads of a room, the one that was answered last first.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { ReadThreads } from '../../../sync/read-threads.js'

type Needs = { readThreads: ReadThreads }

export const getThreadRootsEndpoint = defineEndpoint({
  operationId: 'getThreadRoots',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/:roomId/threads',
  auth: 'access-token',
  params: Type.Object({ roomId: RoomIdSchema }),
  query: Type.Object({
    include: Type.Optional(Type.Union([Type.Literal('all'), Type.Literal('participated')])),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    from: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    chunk: Type.Array(Type.Object({}, { additionalProperties: true })),
    next_batch: Type.Optional(Type.String()),
  }),
  errors: ['M_FORBIDDEN', 'M_INVALID_PARAM'],
  async handle({ params, query, requester }, hs: Needs) {
    const { userId, sid } = requester
    const { include = 'all', limit = 20, from } = query
    return hs.readThreads({ userId, sid, roomId: params.roomId, participated: include === 'participated', from, limit })
  },
})
