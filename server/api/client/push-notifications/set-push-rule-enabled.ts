/**
 * PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled (operationId `setPushRuleEnabled`)
 *
 * Turns a push rule on or off; also one of the server's.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'changePushRule'>

export const setPushRuleEnabledEndpoint = defineEndpoint({
  operationId: 'setPushRuleEnabled',
  method: 'PUT',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId/enabled',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  body: Type.Object({ enabled: Type.Boolean() }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params: { kind, ruleId }, body, requester }, hs: Needs) {
    await hs.changePushRule(requester.userId, kind, ruleId, { enabled: body.enabled })
    return {}
  },
})
