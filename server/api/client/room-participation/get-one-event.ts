/**
 * GET /_matrix/client/v3/events/{eventId} (operationId `getOneEvent`)
 *
 * One event by its ID alone.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3eventseventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { EventIdSchema } from '../../../kernel/identifiers.js'
import type { LegacyEvents } from '../../../sync/legacy-events.js'

type Needs = Pick<LegacyEvents, 'readEventAnywhere'>

export const getOneEventEndpoint = defineEndpoint({
  operationId: 'getOneEvent',
  method: 'GET',
  path: '/_matrix/client/v3/events/:eventId',
  auth: 'access-token',
  params: Type.Object({ eventId: EventIdSchema }),
  errors: ['M_NOT_FOUND'],
  handle: async ({ params, requester: { userId, sid } }, hs: Needs) =>
    hs.readEventAnywhere({ userId, sid }, params.eventId),
})
