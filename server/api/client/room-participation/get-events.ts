/**
 * GET /_matrix/client/v3/events (operationId `getEvents`)
 *
 * What happens in all rooms of the user, as before /sync, or with `room_id` (operationId `peekEvents`) in one room that they need not be in.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { RoomIdSchema } from '../../../kernel/identifiers.js'
import type { LegacyEvents } from '../../../sync/legacy-events.js'

type Needs = Pick<LegacyEvents, 'followRooms' | 'followRoom'>

const defaultTimeoutMs = 30_000

export const getEventsEndpoint = defineEndpoint({
  operationId: 'getEvents',
  method: 'GET',
  path: '/_matrix/client/v3/events',
  auth: 'access-token',
  guests: true,
  rateLimit: 'none', // as /sync
  query: Type.Object({
    from: Type.Optional(Type.String()),
    timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    room_id: Type.Optional(RoomIdSchema),
  }),
  response: Type.Object({
    start: Type.String(),
    end: Type.String(),
    chunk: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
  errors: ['M_INVALID_PARAM', 'M_UNKNOWN_POS', 'M_FORBIDDEN'],
  async handle({ query, requester: { userId, sid }, signal }, hs: Needs) {
    const { room_id: roomId, from, timeout: timeoutMs = defaultTimeoutMs } = query
    if (roomId === undefined) return hs.followRooms({ userId, sid }, { from, timeoutMs, signal })
    return hs.followRoom({ userId, sid }, roomId, { from, timeoutMs, signal })
  },
})
