/**
 * Redactions: whether one that was allowed is applied, and what becomes of its target.
 *
 * The target's PDU is replaced by its redacted form in the store and in memory, so that nobody,
 * other servers included, gets the removed content from here again. A redaction that comes before its
 * target waits in `pending_redaction`.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
import { canonicalJson } from '../events/canonical-json.js'
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import { mayApplyRedaction, redactedEventId, redactPdu } from '../events/redaction.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Room, StoredEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'

export type AppliedRedaction = {
  target: StoredEvent
  /** The target with its redacted PDU. */
  redacted: StoredEvent
  json: string
  /** State key under which the target is part of the current state. */
  stateKey?: string
}

export type RedactionOutcome = { redaction?: AppliedRedaction; awaitedTarget?: EventId }

/** Looks the target up and decides; to be asked before the room moves on. Empty for events that are no redactions. */
export async function decideRedaction(
  rooms: Pick<RoomsForWriting, 'readEvent' | 'landed'>,
  room: Room,
  event: PduEvent,
): Promise<RedactionOutcome> {
  if (event.pdu.type !== 'm.room.redaction') return {}
  const targetId = redactedEventId(event.pdu, room.rules)
  if (!targetId) return {}
  await rooms.landed(targetId) // its place in the room must be known
  const target = await rooms.readEvent(targetId)
  if (!target || target.status === 'outlier') return { awaitedTarget: targetId }
  if (!mayBeApplied(room, event, target)) return {}
  return { redaction: applyTo(room, target, event.eventId) }
}

const mayBeApplied = (room: Room, event: PduEvent, target: PduEvent) =>
  room.rules.redactionInAuthRules
    ? target.roomId === event.roomId
    : target.pdu.type !== 'm.room.create' && mayApplyRedaction(event, target, room.powerLevels)

export function applyTo(room: Room, target: StoredEvent, redactedBy: EventId): AppliedRedaction {
  const pdu = redactPdu(target.pdu, room.rules)
  const { unsigned: _, ...kept } = pdu
  const key = pdu.state_key === undefined ? undefined : stateKeyOf(pdu.type, pdu.state_key)
  const isCurrent = key !== undefined && room.state.get(key)?.eventId === target.eventId
  return {
    target,
    redacted: { ...target, pdu, redactedBy },
    json: canonicalJson(kept, { strict: room.rules.strictCanonicalJson }),
    stateKey: isCurrent ? key : undefined,
  }
}
