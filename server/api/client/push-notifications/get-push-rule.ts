/**
 * GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId} (operationId `getPushRule`)
 *
 * One push rule.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRuleKindSchema, PushRuleSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'readPushRule'>

export const getPushRuleEndpoint = defineEndpoint({
  operationId: 'getPushRule',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  response: PushRuleSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ params: { kind, ruleId }, requester }, hs: Needs) => hs.readPushRule(requester.userId, kind, ruleId),
})
