/**
 * A user's push rules: the server's own, as the user changed them, and the user's.
 *
 * They are kept whole as the account data `m.push_rules`, so that /sync tells them like any other.
 * A default rule that came after the account was made is added where it is read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#push-rules-api
 */
import { invalidParam, MatrixError, notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import {
  defaultPushRules,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleKind,
  type PushRuleset,
  pushRuleKinds,
  pushRulesType,
} from './default-push-rules.js'

type Content = Record<string, unknown>
type Needs = {
  readAccountData(userId: UserId, roomId: RoomId | undefined, type: string): Promise<Content>
  changeAccountData(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: Content | undefined) => Content,
  ): Promise<void>
}

export type NewPushRule = { actions: PushAction[]; conditions?: PushCondition[]; pattern?: string }

export type PushRules = {
  readPushRules(userId: UserId): Promise<PushRuleset>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  readPushRule(userId: UserId, kind: PushRuleKind, ruleId: string): Promise<PushRule>
  /**
   * Adds or replaces one of the user's own rules.
   *
   * @param place before or after which of the user's rules; first of them where neither is given
   * @throws MatrixError 400 for a server rule's name or a wrong shape, 404 where `place` names no rule, 413 `M_TOO_LARGE`
   */
  setPushRule(
    userId: UserId,
    kind: PushRuleKind,
    ruleId: string,
    rule: NewPushRule,
    place: { before?: string | undefined; after?: string | undefined },
  ): Promise<void>
  /** @throws MatrixError 404 `M_NOT_FOUND`, 400 for a server rule */
  deletePushRule(userId: UserId, kind: PushRuleKind, ruleId: string): Promise<void>
  /** Turns a rule on or off, or changes what it does. @throws MatrixError 404 `M_NOT_FOUND` */
  changePushRule(
    userId: UserId,
    kind: PushRuleKind,
    ruleId: string,
    fields: { enabled?: boolean; actions?: PushAction[] },
  ): Promise<void>
}

/** Of all rules of a user as JSON, in UTF-16 units: every event of their rooms is held against them. */
const maxRulesLength = 65_536

const noRule = () => notFound('There is no such push rule.')

export function makePushRules(needs: Needs): PushRules {
  const readPushRules = async (userId: UserId) =>
    readRuleset(
      userId,
      await needs.readAccountData(userId, undefined, pushRulesType).catch((error: unknown) => {
        if (error instanceof MatrixError && error.status === 404) return undefined
        throw error
      }),
    )
  const change = (userId: UserId, kind: PushRuleKind, edit: (rules: PushRule[]) => PushRule[]) =>
    needs.changeAccountData(userId, undefined, pushRulesType, (content) => {
      const global = readRuleset(userId, content)
      const changed = { ...content, global: { ...global, [kind]: edit(global[kind]) } }
      if (JSON.stringify(changed).length > maxRulesLength)
        throw new MatrixError(413, 'M_TOO_LARGE', 'You have too many push rules already.')
      return changed
    })

  return {
    readPushRules,
    async readPushRule(userId, kind, ruleId) {
      const found = (await readPushRules(userId))[kind].find(({ rule_id }) => rule_id === ruleId)
      if (!found) throw noRule()
      return found
    },
    setPushRule(userId, kind, ruleId, rule, place) {
      checkOwnRule(kind, ruleId, rule)
      return change(userId, kind, (rules) => insertRule(rules, toRule(kind, ruleId, rule), place))
    },
    deletePushRule(userId, kind, ruleId) {
      if (ruleId.startsWith('.')) throw invalidParam('A rule of the server cannot be deleted.')
      return change(userId, kind, (rules) => {
        if (!rules.some(({ rule_id }) => rule_id === ruleId)) throw noRule()
        return rules.filter(({ rule_id }) => rule_id !== ruleId)
      })
    },
    changePushRule: (userId, kind, ruleId, fields) =>
      change(userId, kind, (rules) => {
        if (!rules.some(({ rule_id }) => rule_id === ruleId)) throw noRule()
        return rules.map((rule) => (rule.rule_id === ruleId ? { ...rule, ...fields } : rule))
      }),
  }
}

/**
 * The stored rules with the defaults they lack, each kind in the spec's order: master, the user's, the server's.
 *
 * @param content of the account data `m.push_rules`
 */
export function readRuleset(userId: UserId, content: Content | undefined): PushRuleset {
  const stored = content?.global as Partial<PushRuleset> | undefined
  const defaults = defaultPushRules(userId)
  const merged = {} as PushRuleset
  for (const kind of pushRuleKinds) {
    const rules = stored?.[kind] ?? []
    const own = rules.filter((rule) => !rule.default)
    const ours = defaults[kind].map((rule) => {
      const kept = rules.find(({ rule_id }) => rule_id === rule.rule_id)
      return kept && !isAsMade(kept, rule) ? { ...rule, enabled: kept.enabled, actions: kept.actions } : rule
    })
    const isMaster = (rule: PushRule) => rule.rule_id === '.m.rule.master'
    merged[kind] = [...ours.filter(isMaster), ...own, ...ours.filter((rule) => !isMaster(rule))]
  }
  return merged
}

const isAsMade = (kept: PushRule, rule: PushRule) =>
  kept.enabled === rule.enabled && JSON.stringify(kept.actions) === JSON.stringify(rule.actions)

function checkOwnRule(kind: PushRuleKind, ruleId: string, rule: NewPushRule): void {
  if (ruleId.startsWith('.') || /[/\\]/.test(ruleId))
    throw invalidParam('A rule ID has no dot in front and no slash in it.')
  if (kind === 'content' && typeof rule.pattern !== 'string')
    throw new MatrixError(400, 'M_MISSING_PARAM', 'A content rule needs a pattern.')
}

const toRule = (kind: PushRuleKind, ruleId: string, { actions, conditions, pattern }: NewPushRule): PushRule => ({
  rule_id: ruleId,
  default: false,
  enabled: true,
  actions,
  ...((kind === 'override' || kind === 'underride') && { conditions: conditions ?? [] }),
  ...(kind === 'content' && { pattern: pattern! }),
})

function insertRule(
  rules: readonly PushRule[],
  rule: PushRule,
  { before, after }: { before?: string | undefined; after?: string | undefined },
): PushRule[] {
  const known = rules.find(({ rule_id }) => rule_id === rule.rule_id)
  const replacement = known ? { ...rule, enabled: known.enabled } : rule
  if (known && before === undefined && after === undefined)
    return rules.map((each) => (each.rule_id === rule.rule_id ? replacement : each))
  const others = rules.filter(({ rule_id }) => rule_id !== rule.rule_id)
  const at = placeOf(others, before, after)
  return [...others.slice(0, at), replacement, ...others.slice(at)]
}

function placeOf(rules: readonly PushRule[], before: string | undefined, after: string | undefined): number {
  const beside = before ?? after
  if (beside === undefined) return rules.findIndex(({ rule_id }) => rule_id === '.m.rule.master') + 1
  const found = rules.findIndex(({ rule_id }) => rule_id === beside)
  if (found < 0) throw noRule()
  if (rules[found]!.default) throw invalidParam('before and after name rules of your own.')
  return before === undefined ? found + 1 : found
}
