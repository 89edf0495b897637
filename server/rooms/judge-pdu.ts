/**
 * Judges a received event by what was gathered for it: steps 4 to 6 of the checks on receipt. Pure.
 *
 * 1. By its own auth events: else rejected. 2. By the state before it: else rejected. 3. By the current state:
 * else soft-failed.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import { checkAgainstState, checkAuthRules } from '../events/auth-rules/index.js'
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { Entries, Snapshot } from './room.js'

export type Judgement = { status: 'accepted' } | { status: 'rejected' | 'soft_failed'; reason: string }

export type Evidence = {
  authEvents: readonly PduEvent[]
  /** Of the state before the event: at least the entries that the rules ask for. */
  before: Entries
  /** Of the current state; the same where the event is on top of the room. */
  current: Entries
}

export function judgePdu(room: Snapshot, event: PduEvent, { authEvents, before, current }: Evidence): Judgement {
  const { rules, createEvent } = room
  const byAuthEvents = checkAuthRules(event, authEvents, rules, { createEvent })
  if (!byAuthEvents.allowed) return { status: 'rejected', reason: byAuthEvents.reason }
  const byBefore = checkAgainstState(event, lookUp(before), rules)
  if (!byBefore.allowed) return { status: 'rejected', reason: byBefore.reason }
  if (before === current) return { status: 'accepted' }
  const byCurrent = checkAgainstState(event, lookUp(current), rules)
  return byCurrent.allowed ? { status: 'accepted' } : { status: 'soft_failed', reason: byCurrent.reason }
}

const lookUp =
  (entries: Entries) =>
  (type: string, key: string): PduEvent | undefined =>
    entries.get(stateKeyOf(type, key))
