/**
 * PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId} (operationId `setPushRule`)
 *
 * Adds or replaces one of the user's own push rules.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PushRules } from '../../../push/push-rules.js'
import { PushActionSchema, PushConditionSchema, PushRuleKindSchema } from './push-rule-schemas.js'

type Needs = Pick<PushRules, 'setPushRule'>

export const setPushRuleEndpoint = defineEndpoint({
  operationId: 'setPushRule',
  method: 'PUT',
  path: '/_matrix/client/v3/pushrules/global/:kind/:ruleId',
  auth: 'access-token',
  params: Type.Object({ kind: PushRuleKindSchema, ruleId: Type.String() }),
  query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
  body: Type.Object({
    actions: Type.Array(PushActionSchema),
    conditions: Type.Optional(Type.Array(PushConditionSchema)),
    pattern: Type.Optional(Type.String()),
  }),
  response: Type.Object({}),
  errors: ['M_TOO_LARGE', 'M_NOT_FOUND', 'M_INVALID_PARAM', 'M_MISSING_PARAM'],
  async handle({ params: { kind, ruleId }, query, body, requester }, hs: Needs) {
    await hs.setPushRule(requester.userId, kind, ruleId, body, { before: query.before, after: query.after })
    return {}
  },
})
