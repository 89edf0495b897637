/**
 * GET /_matrix/client/v3/presence/{userId}/status (operationId `getPresence`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { ReadPresenceOf } from '../../../sync/read-presence-of.js'

type Needs = { readPresenceOf: ReadPresenceOf }

export const getPresenceEndpoint = defineEndpoint({
  operationId: 'getPresence',
  method: 'GET',
  path: '/_matrix/client/v3/presence/:userId/status',
  auth: 'access-token',
  params: Type.Object({ userId: UserIdSchema }),
  response: Type.Object({
    presence: Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
    last_active_ago: Type.Optional(Type.Integer()),
    status_msg: Type.Optional(Type.String()),
    currently_active: Type.Optional(Type.Boolean()),
  }),
  errors: ['M_FORBIDDEN'],
  async handle({ params, requester }, hs: Needs) {
    return hs.readPresenceOf(requester.userId, params.userId)
  },
})
