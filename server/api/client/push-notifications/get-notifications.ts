/**
 * GET /_matrix/client/v3/notifications (operationId `getNotifications`)
 *
 * Events that the user was notified of, newest first.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { ReadNotifications } from '../../../sync/read-notifications.js'

type Needs = { readNotifications: ReadNotifications }

const defaultLimit = 20

export const getNotificationsEndpoint = defineEndpoint({
  operationId: 'getNotifications',
  method: 'GET',
  path: '/_matrix/client/v3/notifications',
  auth: 'access-token',
  query: Type.Object({
    from: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    only: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    next_token: Type.Optional(Type.String()),
    notifications: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  }),
  errors: ['M_INVALID_PARAM'],
  handle: async ({ query, requester: { userId, sid } }, hs: Needs) =>
    hs.readNotifications({
      ...{ userId, sid, from: query.from, limit: query.limit ?? defaultLimit },
      onlyHighlights: query.only === 'highlight',
    }),
})
