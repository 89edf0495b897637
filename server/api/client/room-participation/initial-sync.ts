/**
 * GET /_matrix/client/v3/initialSync (operationId `initialSync`)
 *
 * All rooms of the user at once, as before /sync.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { LegacyEvents } from '../../../sync/legacy-events.js'

type Needs = Pick<LegacyEvents, 'readCopy'>

const defaultLimit = 16

export const initialSyncEndpoint = defineEndpoint({
  operationId: 'initialSync',
  method: 'GET',
  path: '/_matrix/client/v3/initialSync',
  auth: 'access-token',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    archived: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({ end: Type.String() }, { additionalProperties: true }),
  handle: async ({ query, requester: { userId, sid } }, hs: Needs) =>
    hs.readCopy({ userId, sid }, query.limit ?? defaultLimit, query.archived ?? false),
})
