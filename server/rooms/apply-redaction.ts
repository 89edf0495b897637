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
import { type PduEvent, parseStateMapKey, stateKeyOf } from '../events/pdu.js'
import { mayApplyRedaction, redactedEventId, redactPdu } from '../events/redaction.js'
import type { EventId } from '../kernel/identifiers.js'
import { deletePendingRedaction, setEvent } from '../store/event-store.js'
import { setStateEntry } from '../store/room-store.js'
import type { BuiltUnit, Change, Grant } from '../store/writes.js'
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

/** The redaction that has waited for this event, where it may be applied to it. */
export async function decideAwaitingRedaction(
  rooms: Pick<RoomsForWriting, 'readEvent' | 'readAwaitingRedaction'>,
  room: Room,
  target: PduEvent,
): Promise<EventId | undefined> {
  const redactionId = await rooms.readAwaitingRedaction(target)
  const redaction = redactionId && (await rooms.readEvent(redactionId))
  return redaction && mayBeApplied(room, redaction, target) ? redactionId : undefined
}

/** Writes an applied redaction and tells of it. */
export function addRedaction(
  rooms: Pick<RoomsForWriting, 'rememberEvent' | 'forgetReplacing' | 'whenDurable'>,
  room: Room,
  { redacted, json, stateKey }: AppliedRedaction,
  grant: Grant,
  unit: BuiltUnit<undefined>,
): void {
  unit.writes.push(
    setEvent(redacted.eventId, { pdu: json, ...(redacted.redactedBy ? { redacted_by: redacted.redactedBy } : {}) }),
    deletePendingRedaction(room.roomId, redacted.eventId),
  )
  const position = grant.position()
  if (stateKey !== undefined) {
    const entry = { event_id: redacted.eventId, sender: redacted.pdu.sender, position, pdu: json }
    unit.writes.push(setStateEntry(room.roomId, ...parseStateMapKey(stateKey), entry))
  }
  if (redacted.seq === undefined || !redacted.redactedBy) return
  const { eventId, seq, redactedBy } = redacted
  const change: Change = { kind: 'redaction', position, roomId: room.roomId, eventId, seq, redactedBy }
  unit.changes.push(change)
  rooms.whenDurable(change, () => {
    rooms.rememberEvent(redacted)
    room.recent = room.recent.map((recent) =>
      recent.eventId === eventId ? { ...recent, pdu: redacted.pdu, redactedBy } : recent,
    )
    // What replaced it is shown with its content beside: whoever kept that must see that it is another now.
    if (redacted.pdu.state_key === undefined) return
    rooms.forgetReplacing(eventId)
    room.recent = room.recent.map((recent) => (recent.replaces === eventId ? { ...recent } : recent))
  })
}

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
