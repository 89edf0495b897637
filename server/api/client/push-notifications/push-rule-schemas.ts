/** Push rules on the wire. Spec: https://spec.matrix.org/v1.19/client-server-api/#push-rules */
import { Type } from 'typebox'
import { type PushRuleKind, pushRuleKinds } from '../../../push/default-push-rules.js'

export const PushRuleKindSchema = Type.Unsafe<PushRuleKind>(Type.Enum([...pushRuleKinds]))
export const PushActionSchema = Type.Union([
  Type.String(),
  Type.Object({ set_tweak: Type.String(), value: Type.Optional(Type.Unknown()) }),
])
export const PushConditionSchema = Type.Intersect([
  Type.Object({ kind: Type.String() }),
  Type.Record(Type.String(), Type.Unknown()),
])
export const PushRuleSchema = Type.Object({
  rule_id: Type.String(),
  default: Type.Boolean(),
  enabled: Type.Boolean(),
  actions: Type.Array(PushActionSchema),
  conditions: Type.Optional(Type.Array(PushConditionSchema)),
  pattern: Type.Optional(Type.String()),
})
const rules = Type.Array(PushRuleSchema)
export const PushRulesetSchema = Type.Object({
  override: rules,
  content: rules,
  room: rules,
  sender: rules,
  underride: rules,
})
