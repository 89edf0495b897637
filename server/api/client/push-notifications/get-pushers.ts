/**
 * GET /_matrix/client/v3/pushers (operationId `getPushers`)
 *
 * The user's pushers.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushers
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Pushers } from '../../../push/pushers.js'

type Needs = Pick<Pushers, 'listPushers'>

export const getPushersEndpoint = defineEndpoint({
  operationId: 'getPushers',
  method: 'GET',
  path: '/_matrix/client/v3/pushers',
  auth: 'access-token',
  response: Type.Object({ pushers: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  handle: async ({ requester }, hs: Needs) => ({ pushers: await hs.listPushers(requester.userId) }),
})
