/**
 * GET /_matrix/client/v3/pushrules/ (operationId `getPushRules`)
 *
 * All push rules of the user.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRulesetSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'readPushRules'>

export const getPushRulesEndpoint = defineEndpoint({
  operationId: 'getPushRules',
  method: 'GET',
  path: ['/_matrix/client/v3/pushrules/', '/_matrix/client/v3/pushrules'],
  auth: 'access-token',
  guests: true,
  response: Type.Object({ global: PushRulesetSchema }),
  handle: async ({ requester }, hs: Needs) => ({ global: await hs.readPushRules(requester.userId) }),
})
