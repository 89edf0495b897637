/**
 * The answer of an auth rule. A refusal is an answer, not an accident: it names the rule and says why.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#authorisation-rules
 */

/** The rules by subject, in the order in which they are tried. */
export type RuleName =
  | 'create'
  | 'auth-events'
  | 'room-id'
  | 'federate'
  | 'aliases'
  | 'member'
  | 'member.join'
  | 'member.invite'
  | 'member.third-party-invite'
  | 'member.leave'
  | 'member.ban'
  | 'member.knock'
  | 'sender-joined'
  | 'third-party-invite'
  | 'required-level'
  | 'state-key'
  | 'power-levels'
  | 'redaction'

export type Verdict = { allowed: true } | { allowed: false; rule: RuleName; reason: string }

export const allow: Verdict = { allowed: true }

export const reject = (rule: RuleName, reason: string): Verdict => ({ allowed: false, rule, reason })

export const allowIf = (condition: boolean, rule: RuleName, reason: string): Verdict =>
  condition ? allow : reject(rule, reason)
