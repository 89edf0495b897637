/**
 * PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions (operationId `setPushRuleActions`)
 *
 * Changes what a push rule does; also one of the server's.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushActionSchema, PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'changePushRule'>

export const setPushRuleActionsEndpoint = defineEndpoint({
  operationId: 'setPushRuleActions',
  method: 'PUT',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId/actions',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  body: Type.Object({ actions: Type.Array(PushActionSchema) }),
  response: Type.Object({}),
  errors: ['M_TOO_LARGE', 'M_NOT_FOUND'],
  async handle({ params: { kind, ruleId }, body, requester }, hs: Needs) {
    await hs.changePushRule(requester.userId, kind, ruleId, { actions: body.actions })
    return {}
  },
})
