/**
 * GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions (operationId `getPushRuleActions`)
 *
 * What a push rule does.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushActionSchema, PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'readPushRule'>

export const getPushRuleActionsEndpoint = defineEndpoint({
  operationId: 'getPushRuleActions',
  method: 'GET',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId/actions',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  response: Type.Object({ actions: Type.Array(PushActionSchema) }),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { kind, ruleId }, requester }, hs: Needs) {
    const { actions } = await hs.readPushRule(requester.userId, kind, ruleId)
    return { actions }
  },
})
