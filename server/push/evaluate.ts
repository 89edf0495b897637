/**
 * What a user's push rules say about an event.
 *
 * A rule set is compiled once and then asked about every event of the user's rooms, so the parts are prepared for
 * that: paths are split, patterns lowered, switched-off rules left out. Rules that all users have in common are
 * compiled once for everybody, and answered once for an event. What is read of an event is kept on its view, which
 * serves all users of a room.
 *
 * The first rule that matches decides, in the spec's order of kinds; nothing matches a rule of a shape that
 * the spec does not have. Own events never notify. Rules are the user's own text and the event is anybody's, so
 * the work for one question is bounded: beyond it, patterns do not match.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
import { globMatches } from '../events/glob.js'
import type { PduEvent } from '../events/pdu.js'
import type { PowerLevels } from '../events/power-levels.js'
import type { UserId } from '../kernel/identifiers.js'
import {
  isCommonRule,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleset,
  pushRuleKinds,
} from './default-push-rules.js'
import { containsKeyword } from './keyword.js'
import { parsePropertyPath, readProperty } from './property-path.js'

/** What rules ask of the room, as it is now, and of the user in it. */
export type PushContext = {
  userId: UserId
  /** Joined members. */
  memberCount: number
  /** The user's in the room, for `contains_display_name`. */
  displayName: string | undefined
  powerLevels: Pick<PowerLevels, 'userLevel' | 'notificationLevel'>
}

/** An event as conditions see it, at one moment of its room. */
export type EventView = {
  readonly sender: string
  readonly roomId: string
  /** Undefined for what is no string. Lower case, since patterns do not care. */
  lower(path: Path): string | undefined
  property(path: Path): unknown
  /** The actions of common rules, by their run. */
  readonly answers: Map<object, readonly PushAction[] | undefined>
}

type Path = { readonly key: string; readonly segments: readonly string[] }
type Question = { event: EventView; context: PushContext; workLeft: number }
type Matches = (question: Question) => boolean
type CompiledRule = { readonly matches: readonly Matches[]; readonly actions: readonly PushAction[] }
/** Rules in a row: common ones, which say the same for all users of a room, or a user's own. */
type Run = { readonly rules: CompiledRule[]; readonly isCommon: boolean }

export type CompiledRules = {
  readonly runs: readonly Run[]
  /** Whether the answers may change when the number of members goes from one to the other. */
  feelsMemberCount(before: number, after: number): boolean
  /** Whether the user's display name in the room matters. */
  readonly feelsDisplayName: boolean
}

/** Characters of text, sixteen of a pattern at a time, that one question may look through. */
const maxWork = 2_000_000
const none: readonly PushAction[] = []

export function viewOf({ eventId, roomId, pdu }: PduEvent): EventView {
  const { type, sender, content, state_key, origin_server_ts, redacts } = pdu
  const event = {
    ...{ event_id: eventId, room_id: roomId, type, sender, content, origin_server_ts },
    ...(state_key === undefined ? {} : { state_key }),
    ...(redacts === undefined ? {} : { redacts }),
  }
  const properties = new Map<string, unknown>()
  const lowered = new Map<string, string | undefined>()
  const property = ({ key, segments }: Path) => {
    const known = properties.get(key)
    if (known !== undefined || properties.has(key)) return known
    const value = readProperty(event, segments)
    properties.set(key, value)
    return value
  }
  return {
    sender,
    roomId,
    property,
    answers: new Map(),
    lower(path) {
      const known = lowered.get(path.key)
      if (known !== undefined || lowered.has(path.key)) return known
      const value = property(path)
      const text = typeof value === 'string' ? value.toLowerCase() : undefined
      lowered.set(path.key, text)
      return text
    },
  }
}

/** @returns the actions of the first rule that matches; none where no rule does */
export function evaluatePushRules(
  { runs }: CompiledRules,
  event: EventView,
  context: PushContext,
): readonly PushAction[] {
  if (event.sender === context.userId) return none
  const question: Question = { event, context, workLeft: maxWork }
  for (const run of runs) {
    const actions = run.isCommon ? askOnce(run, question) : askAll(run, question)
    if (actions) return actions
  }
  return none
}

function askOnce(run: Run, question: Question): readonly PushAction[] | undefined {
  const { answers } = question.event
  const known = answers.get(run)
  if (known || answers.has(run)) return known
  const actions = askAll(run, question)
  answers.set(run, actions)
  return actions
}

function askAll({ rules }: Run, question: Question): readonly PushAction[] | undefined {
  for (const { matches, actions } of rules) if (holdAll(matches, question)) return actions
  return undefined
}

function holdAll(matches: readonly Matches[], question: Question): boolean {
  for (const holds of matches) if (!holds(question)) return false
  return true
}

export function compilePushRules(ruleset: PushRuleset): CompiledRules {
  const runs: Run[] = []
  const counts: ((count: number) => boolean)[] = []
  let feelsDisplayName = false
  for (const kind of pushRuleKinds)
    for (const rule of ruleset[kind]) {
      if (!rule.enabled) continue
      const isCommon = isCommonRule(rule)
      if (runs.at(-1)?.isCommon !== isCommon) runs.push({ rules: [], isCommon })
      runs.at(-1)!.rules.push(compileRule(kind, rule))
      for (const condition of rule.conditions ?? []) {
        if (condition.kind === 'room_member_count') counts.push(compileCount(condition.is))
        if (condition.kind === 'contains_display_name') feelsDisplayName = true
      }
    }
  return {
    runs: runs.map((run) => (run.isCommon ? intern(run) : run)),
    feelsMemberCount: (before, after) => counts.some((holds) => holds(before) !== holds(after)),
    feelsDisplayName,
  }
}

/** The server's own rules are the same objects for everybody. */
const compiled = new WeakMap<PushRule, CompiledRule>()

function compileRule(kind: (typeof pushRuleKinds)[number], rule: PushRule): CompiledRule {
  const known = compiled.get(rule)
  if (known) return known
  const made = { matches: compileConditions(kind, rule), actions: rule.actions }
  compiled.set(rule, made)
  return made
}

/** Most users have the same rules on. */
const commonRuns: Run[] = []
const maxCommonRuns = 64

function intern(run: Run): Run {
  const { rules } = run
  const known = commonRuns.find(
    (each) => each.rules.length === rules.length && each.rules.every((rule, at) => rule === rules[at]),
  )
  if (!known && commonRuns.length < maxCommonRuns) commonRuns.push(run)
  return known ?? run
}

function compileConditions(kind: (typeof pushRuleKinds)[number], rule: PushRule): Matches[] {
  switch (kind) {
    case 'override':
    case 'underride':
      return (rule.conditions ?? []).map(compileCondition)
    case 'content':
      return [compileMatch('content.body', rule.pattern)]
    case 'room':
      return [({ event }) => event.roomId === rule.rule_id]
    case 'sender':
      return [({ event }) => event.sender === rule.rule_id]
  }
}

const never: Matches = () => false

function compileCondition(condition: PushCondition): Matches {
  switch (condition.kind) {
    case 'event_match':
      return compileMatch(condition.key, condition.pattern)
    case 'event_property_is':
      return compileProperty(condition, (found, value) => found === value)
    case 'event_property_contains':
      return compileProperty(condition, (found, value) => Array.isArray(found) && found.includes(value))
    case 'room_member_count': {
      const holds = compileCount(condition.is)
      return ({ context }) => holds(context.memberCount)
    }
    case 'sender_notification_permission': {
      const { key } = condition
      if (typeof key !== 'string') return never
      return ({ event, context: { powerLevels } }) =>
        powerLevels.userLevel(event.sender) >= powerLevels.notificationLevel(key)
    }
    case 'contains_display_name':
      return namesUser
    default:
      return never
  }
}

const bodyPath: Path = { key: 'content.body', segments: ['content', 'body'] }

function compileMatch(key: unknown, pattern: unknown): Matches {
  if (typeof key !== 'string' || typeof pattern !== 'string') return never
  const path = { key, segments: parsePropertyPath(key) }
  const wanted = pattern.toLowerCase()
  if (key === bodyPath.key) return (question) => bodyContains(question, wanted)
  if (!/[*?]/.test(wanted)) return ({ event }) => event.lower(path) === wanted
  return (question) => {
    const value = question.event.lower(path)
    return value !== undefined && pay(question, value, wanted) && globMatches(wanted, value)
  }
}

function bodyContains(question: Question, wanted: string): boolean {
  const body = question.event.lower(bodyPath)
  return body !== undefined && pay(question, body, wanted) && containsKeyword(wanted, body)
}

/** A name is no pattern: what stands for something else in one stands for itself. */
const namesUser: Matches = (question) => {
  const name = question.context.displayName?.toLowerCase()
  if (!name) return false
  const body = question.event.lower(bodyPath)
  if (body === undefined || !pay(question, body, name)) return false
  return containsKeyword(withoutWildcards(name), withoutWildcards(body))
}

/** Wildcards become characters of no other use, so that they match themselves alone. */
const withoutWildcards = (text: string) => text.replaceAll('*', '\ue000').replaceAll('?', '\ue001')

function pay(question: Question, text: string, pattern: string): boolean {
  question.workLeft -= text.length * Math.ceil((pattern.length + 1) / 16)
  return question.workLeft >= 0
}

/** Only of what is no object and no list, and without any conversion. */
function compileProperty({ key, value }: PushCondition, compare: (found: unknown, value: unknown) => boolean): Matches {
  if (typeof key !== 'string' || value === undefined || (typeof value === 'object' && value !== null)) return never
  const path = { key, segments: parsePropertyPath(key) }
  return ({ event }) => compare(event.property(path), value)
}

function compileCount(is: unknown): (count: number) => boolean {
  const [, operator, digits] = (typeof is === 'string' && /^(==|<=|>=|<|>)?([0-9]{1,15})$/.exec(is)) || []
  if (digits === undefined) return () => false
  const limit = Number(digits)
  switch (operator) {
    case '<':
      return (count) => count < limit
    case '>':
      return (count) => count > limit
    case '<=':
      return (count) => count <= limit
    case '>=':
      return (count) => count >= limit
    default:
      return (count) => count === limit
  }
}
