/**
 * The push rules every account starts with, in the spec's order.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
import type { UserId } from '../kernel/identifiers.js'

export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const
export type PushRuleKind = (typeof pushRuleKinds)[number]

export type PushAction = string | { set_tweak: string; value?: unknown }
export type PushCondition = { kind: string } & Record<string, unknown>
export type PushRule = {
  rule_id: string
  default: boolean
  enabled: boolean
  actions: PushAction[]
  conditions?: PushCondition[]
  pattern?: string
}
export type PushRuleset = Record<PushRuleKind, PushRule[]>

/** Type of the account data that holds `{ global: PushRuleset }`. */
export const pushRulesType = 'm.push_rules'

const sound = (value: string): PushAction => ({ set_tweak: 'sound', value })
const highlight: PushAction = { set_tweak: 'highlight' }
const matches = (key: string, pattern: string): PushCondition => ({ kind: 'event_match', key, pattern })
const is = (key: string, value: unknown): PushCondition => ({ kind: 'event_property_is', key, value })
const type = (pattern: string) => matches('type', pattern)
const oneToOne: PushCondition = { kind: 'room_member_count', is: '2' }

const rule = (rule_id: string, conditions: PushCondition[], actions: PushAction[], enabled = true): PushRule => ({
  rule_id,
  default: true,
  enabled,
  conditions,
  actions,
})

const master = rule('.m.rule.master', [], [], false)
const suppressNotices = rule('.m.rule.suppress_notices', [matches('content.msgtype', 'm.notice')], [])
const inviteForMe = (userId: UserId) =>
  rule(
    '.m.rule.invite_for_me',
    [type('m.room.member'), matches('content.membership', 'invite'), matches('state_key', userId)],
    ['notify', sound('default')],
  )
const memberEvent = rule('.m.rule.member_event', [type('m.room.member')], [])
const isUserMention = (userId: UserId) =>
  rule(
    '.m.rule.is_user_mention',
    [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
    ['notify', sound('default'), highlight],
  )
const others: readonly PushRule[] = [
  rule(
    '.m.rule.is_room_mention',
    [is('content.m\\.mentions.room', true), { kind: 'sender_notification_permission', key: 'room' }],
    ['notify', highlight],
  ),
  rule('.m.rule.tombstone', [type('m.room.tombstone'), matches('state_key', '')], ['notify', highlight]),
  rule('.m.rule.reaction', [type('m.reaction')], []),
  rule('.m.rule.room.server_acl', [type('m.room.server_acl'), matches('state_key', '')], []),
  rule('.m.rule.suppress_edits', [is('content.m\\.relates_to.rel_type', 'm.replace')], []),
]
const underride: readonly PushRule[] = [
  rule('.m.rule.call', [type('m.call.invite')], ['notify', sound('ring')]),
  rule('.m.rule.encrypted_room_one_to_one', [oneToOne, type('m.room.encrypted')], ['notify', sound('default')]),
  rule('.m.rule.room_one_to_one', [oneToOne, type('m.room.message')], ['notify', sound('default')]),
  rule('.m.rule.message', [type('m.room.message')], ['notify']),
  rule('.m.rule.encrypted', [type('m.room.encrypted')], ['notify']),
]

const common: ReadonlySet<PushRule> = new Set([master, suppressNotices, memberEvent, ...others, ...underride])

/** Whether the rule is one that all users have, as the very same object. */
export const isCommonRule = (rule: PushRule): boolean => common.has(rule)

/**
 * Those that do not name their owner are the same objects for everybody, and never changed.
 *
 * @param userId owner of the rules: some name them
 */
export const defaultPushRules = (userId: UserId): PushRuleset => ({
  override: [master, suppressNotices, inviteForMe(userId), memberEvent, isUserMention(userId), ...others],
  content: [],
  room: [],
  sender: [],
  underride: [...underride],
})
