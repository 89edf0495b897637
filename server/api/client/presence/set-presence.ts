/**
 * PUT /_matrix/client/v3/presence/{userId}/status (operationId `setPresence`)
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { UserIdSchema } from '../../../kernel/identifiers.js'
import type { Presence } from '../../../sync/presence.js'
import { checkOwn } from '../user-data/check-own.js'

type Needs = { setPresence: Presence['set'] }

export const setPresenceEndpoint = defineEndpoint({
  operationId: 'setPresence',
  method: 'PUT',
  path: '/_matrix/client/v3/presence/:userId/status',
  auth: 'access-token',
  params: Type.Object({ userId: UserIdSchema }),
  body: Type.Object({
    presence: Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
    status_msg: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN'],
  async handle({ params, body, requester }, hs: Needs) {
    checkOwn(requester, params.userId)
    hs.setPresence(requester.userId, requester.sid, body.presence, body.status_msg)
    return {}
  },
})
