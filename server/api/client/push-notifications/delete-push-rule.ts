/**
 * DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId} (operationId `deletePushRule`)
 *
 * Deletes one of the user's own push rules.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'deletePushRule'>

export const deletePushRuleEndpoint = defineEndpoint({
  operationId: 'deletePushRule',
  method: 'DELETE',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params: { kind, ruleId }, requester }, hs: Needs) {
    await hs.deletePushRule(requester.userId, kind, ruleId)
    return {}
  },
})
