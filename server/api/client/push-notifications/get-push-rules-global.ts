/**
 * GET /_matrix/client/v3/pushrules/global/ (operationId `getPushRulesGlobal`)
 *
 * The push rules of the user that hold for all devices, which is all of them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal
 */
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRulesetSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'readPushRules'>

export const getPushRulesGlobalEndpoint = defineEndpoint({
  operationId: 'getPushRulesGlobal',
  method: 'GET',
  path: ['/_matrix/client/v3/pushrules/global/', '/_matrix/client/v3/pushrules/global'],
  auth: 'access-token',
  guests: true,
  response: PushRulesetSchema,
  handle: ({ requester }, hs: Needs) => hs.readPushRules(requester.userId),
})
