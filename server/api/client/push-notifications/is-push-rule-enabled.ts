/**
 * GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled (operationId `isPushRuleEnabled`)
 *
 * Whether a push rule is on.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'readPushRule'>

export const isPushRuleEnabledEndpoint = defineEndpoint({
  operationId: 'isPushRuleEnabled',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId/enabled',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  response: Type.Object({ enabled: Type.Boolean() }),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { kind, ruleId }, requester }, hs: Needs) {
    const { enabled } = await hs.readPushRule(requester.userId, kind, ruleId)
    return { enabled }
  },
})
