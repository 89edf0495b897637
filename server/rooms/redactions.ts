/**
 * Redactions: which are applied, which wait, which are never shown.
 *
 * The target's PDU is replaced by its redacted form in the store and in memory, so that nobody, other servers
 * included, gets the removed content from here again. Clients apply every redaction that they are shown, so one that
 * may not be applied is accepted (other servers build on it) but hidden: it gets no place in the timeline. One that
 * comes before its target is hidden until that comes, and takes its place then if it may be applied.
 *
 * Those that wait are bounded for each server that sends them: its oldest are given up first.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */

import { canonicalJson } from '../events/canonical-json.js'
import type { PduEvent } from '../events/pdu.js'
import type { PowerLevels } from '../events/power-levels.js'
import { mayApplyRedaction, redactedEventId, redactPdu } from '../events/redaction.js'
import { type Relation, relationOf } from '../events/relations.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { type EventId, type ServerName, serverNameOf } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import type { Snapshot, StoredEvent, WaitingRedaction } from './room.js'

export type AppliedRedaction = {
  /** The target with its redacted PDU. */
  redacted: StoredEvent
  json: string
  /** State key under which the target is part of the current state. */
  stateKey?: string
  /** What the target related to: redacted, it relates to nothing. */
  relation?: Relation
}

/** What becomes of an accepted event that may be a redaction. */
export type RedactionOutcome =
  | { kind: 'none' }
  | { kind: 'applied'; redaction: AppliedRedaction }
  | { kind: 'hidden' }
  | { kind: 'waits'; target: EventId }

const maxWaiting = { sure: 1_000, unsure: 100 } as const
const waitMs = 30 * 24 * 3_600_000

export const isRedaction = ({ pdu }: PduEvent): boolean => pdu.type === 'm.room.redaction'

/** The event that a redaction names; undefined for other events. */
export const targetOf = (event: PduEvent, rules: RoomVersionRules): EventId | undefined =>
  isRedaction(event) ? redactedEventId(event.pdu, rules) : undefined

/**
 * @param target what is known of the event that it names
 * @param levels power levels of the state before the redaction
 */
export function decideRedaction(
  room: Snapshot,
  event: PduEvent,
  target: StoredEvent | undefined,
  levels: PowerLevels,
): RedactionOutcome {
  const targetId = targetOf(event, room.rules)
  if (!targetId) return isRedaction(event) ? { kind: 'hidden' } : { kind: 'none' }
  if (!target || target.status === 'outlier') return { kind: 'waits', target: targetId }
  if (!mayBeApplied(room, event, target, levels)) return { kind: 'hidden' }
  return { kind: 'applied', redaction: applyTo(room, target, event.eventId) }
}

const mayBeApplied = ({ rules }: Snapshot, event: PduEvent, target: PduEvent, levels: PowerLevels): boolean =>
  rules.redactionInAuthRules
    ? target.roomId === event.roomId
    : target.pdu.type !== 'm.room.create' && mayApplyRedaction(event, target, levels)

/** The target as it is once redacted. */
export function applyTo(room: Pick<Snapshot, 'rules'>, target: StoredEvent, redactedBy: EventId): AppliedRedaction {
  const pdu = redactPdu(target.pdu, room.rules)
  const { unsigned: _, ...kept } = pdu
  const relation = relationOf(target.pdu)
  return {
    ...(relation ? { relation } : {}),
    redacted: { ...target, pdu, redactedBy },
    json: canonicalJson(carrySpellings(pdu, kept), { strict: room.rules.strictCanonicalJson }),
  }
}

/** A redaction as it waits. */
export const waitingOf = (
  room: Snapshot,
  { eventId, pdu }: PduEvent,
  levels: PowerLevels,
  now: number,
): WaitingRedaction => ({
  eventId,
  sender: pdu.sender,
  isSure: room.rules.redactionInAuthRules || levels.userLevel(pdu.sender) >= levels.redact,
  ts: now,
})

/** Of the redactions that wait for this event, the first that may be applied to it: each judged by its own sender. */
export function awaitedRedaction(room: Snapshot, target: PduEvent): WaitingRedaction | undefined {
  const waiting = room.waiting.get(target.eventId) ?? []
  if (target.pdu.type === 'm.room.create') return undefined
  return waiting.find(({ isSure, sender }) => isSure || serverNameOf(sender) === serverNameOf(target.pdu.sender))
}

/** One more waits; those that are given up for it are named. */
export function withWaiting(
  room: Snapshot,
  target: EventId,
  added: WaitingRedaction,
): { next: Snapshot; dropped: [target: EventId, redaction: EventId][] } {
  const server = serverNameOf(added.sender)
  const others = [...waitingFrom(room, server)].filter(({ entry }) => entry.isSure === added.isSure)
  others.sort((a, b) => a.entry.ts - b.entry.ts)
  const tooMany = others.length + 1 - maxWaiting[added.isSure ? 'sure' : 'unsure']
  const dropped = others.filter(({ entry }, at) => at < tooMany || entry.ts < added.ts - waitMs)
  let waiting = PersistentMap.of(room.waiting)
  for (const { target: of, entry } of dropped) waiting = waiting.with([[of, without(waiting.get(of), entry.eventId)]])
  waiting = waiting.set(target, [...(waiting.get(target) ?? []), added])
  return { next: { ...room, waiting }, dropped: dropped.map(({ target: of, entry }) => [of, entry.eventId]) }
}

/** The target is here: nothing waits for it any more. */
export const withoutWaiting = (room: Snapshot, target: EventId): Snapshot =>
  room.waiting.has(target) ? { ...room, waiting: PersistentMap.of(room.waiting).with([[target, undefined]]) } : room

function without(list: readonly WaitingRedaction[] = [], eventId: EventId): readonly WaitingRedaction[] | undefined {
  const left = list.filter((entry) => entry.eventId !== eventId)
  return left.length === 0 ? undefined : left
}

function* waitingFrom(room: Snapshot, server: ServerName): Generator<{ target: EventId; entry: WaitingRedaction }> {
  for (const [target, entries] of room.waiting)
    for (const entry of entries) if (serverNameOf(entry.sender) === server) yield { target, entry }
}
