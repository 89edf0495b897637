/**
 * GET /_matrix/client/v3/sync (operationId `sync`)
 *
 * What is new for the requester's device; with a timeout the answer waits until something is.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Sync } from '../../../sync/sync.js'

type Needs = { sync: Sync }

export const syncEndpoint = defineEndpoint({
  operationId: 'sync',
  method: 'GET',
  path: '/_matrix/client/v3/sync',
  auth: 'access-token',
  guests: true,
  rateLimit: 'none', // a busy room wakes its readers more often than any budget would allow
  query: Type.Object({
    filter: Type.Optional(Type.String()),
    since: Type.Optional(Type.String()),
    full_state: Type.Optional(Type.Boolean()),
    set_presence: Type.Optional(
      Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
    ),
    timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    use_state_after: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({ next_batch: Type.String() }, { additionalProperties: true }),
  errors: ['M_INVALID_PARAM', 'M_UNKNOWN_POS', 'M_BAD_JSON', 'M_NOT_JSON'],
  async handle({ query, requester, signal }, hs: Needs) {
    const { userId, deviceId, sid } = requester
    return hs.sync({
      userId,
      deviceId,
      sid,
      since: query.since,
      filter: query.filter,
      fullState: query.full_state ?? false,
      setPresence: query.set_presence ?? 'online',
      timeoutMs: query.timeout ?? 0,
      useStateAfter: query.use_state_after ?? false,
      signal,
    })
  },
})
