/**
 * Makes the PDU for something a local user does: prev events and auth events from the room in
 * memory, depth, content hash, signature and ID.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
import { authEventKeys } from '../events/auth-rules/index.js'
import { withoutPadding } from '../events/base64.js'
import { canonicalJson } from '../events/canonical-json.js'
import { referenceHash } from '../events/hashes.js'
import {
  type EventReference,
  type JsonObject,
  type PduEvent,
  pduLimits,
  stateKeyOf,
  type UnsignedPdu,
} from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { buildSignedEvent, type SigningKey } from '../events/signatures.js'
import { randomId } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Entries, Extremity, Rooms, Snapshot } from './room.js'

/** What a user wants to say; the rest of the PDU follows from the room. */
export type EventDraft = {
  type: string
  /** Present for state events, the empty string included. */
  stateKey?: string
  sender: UserId
  content: JsonObject
  /** Redactions in room versions that name their target at the top level. */
  redacts?: EventId
  /** Overrides the clock: for application services and tests. */
  originServerTs?: number
}

export type Signer = { serverName: ServerName; key: SigningKey; now(): number }

/** A new event names at most this many prev events, though 20 are allowed: other servers do the same. */
const maxPrevEvents = 10

export function referenceTo(event: PduEvent, rules: RoomVersionRules): EventReference {
  if (!rules.hasReferencePairs) return event.eventId
  return [event.eventId, { sha256: withoutPadding(referenceHash(event.pdu, rules).toString('base64')) }]
}

/** The prev events of the room's next event: the deepest extremities first. */
export const choosePrevEvents = (room: Pick<Snapshot, 'extremities'>): readonly Extremity[] =>
  room.extremities.length <= maxPrevEvents
    ? room.extremities
    : [...room.extremities].sort((a, b) => b.depth - a.depth).slice(0, maxPrevEvents)

/** Entries of the current state that an event is built on and judged by, and its own. */
export function keysFor({ rules }: Pick<Snapshot, 'rules'>, { type, sender, stateKey, content }: EventDraft): string[] {
  const subject = { type, sender, content, ...(stateKey === undefined ? {} : { state_key: stateKey }) }
  const keys = authEventKeys(subject, rules).map(([of, key]) => stateKeyOf(of, key))
  return stateKey === undefined ? keys : [...keys, stateKeyOf(type, stateKey)]
}

/**
 * The event's PDU without hashes and signatures.
 *
 * @param current the entries of the current state that `authEventKeys` names
 */
export function buildUnsignedEvent(room: Snapshot, draft: EventDraft, current: Entries, now: number): UnsignedPdu {
  const prev = choosePrevEvents(room)
  const subject = { type: draft.type, sender: draft.sender, state_key: draft.stateKey, content: draft.content }
  const auth: EventReference[] = []
  for (const [type, stateKey] of authEventKeys(subject, room.rules)) {
    const event = current.get(stateKeyOf(type, stateKey))
    if (event) auth.push(referenceTo(event, room.rules))
  }
  const depth = prev.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1
  return {
    room_id: room.roomId,
    type: draft.type,
    sender: draft.sender,
    content: draft.content,
    origin_server_ts: draft.originServerTs ?? now,
    depth: Math.min(depth, room.rules.maxDepth),
    prev_events: prev.map(({ reference }) => reference),
    auth_events: auth,
    ...(draft.stateKey === undefined ? {} : { state_key: draft.stateKey }),
    ...(draft.redacts === undefined || room.rules.redactsLocation === 'content' ? {} : { redacts: draft.redacts }),
  }
}

/** The same on the room as it is on disk, with what it is judged by. */
export async function draftEvent(
  rooms: Pick<Rooms, 'readCurrent'>,
  room: Snapshot,
  draft: EventDraft,
  now: number,
): Promise<{ unsigned: UnsignedPdu; current: Entries }> {
  const current = await rooms.readCurrent(room, keysFor(room, draft))
  return { unsigned: buildUnsignedEvent(room, draft, current, now), current }
}

export type BuiltEvent = { event: PduEvent; json: string }

/** @throws MatrixError `M_TOO_LARGE`, or `M_BAD_JSON` for content that has no canonical form */
export function signEvent(unsigned: UnsignedPdu, rules: RoomVersionRules, signer: Signer): BuiltEvent {
  const withId =
    rules.eventIdFormat === 'opaque'
      ? { ...unsigned, event_id: `$${randomId(18)}:${signer.serverName}` as EventId }
      : unsigned
  checkFields(withId)
  let event: PduEvent
  let json: string
  try {
    event = buildSignedEvent(withId, rules, signer.serverName, signer.key)
    json = canonicalJson(event.pdu)
  } catch (error) {
    throw new MatrixError(400, 'M_BAD_JSON', `The content cannot be an event: ${(error as Error).message}`)
  }
  if (json.length > pduLimits.eventBytes || Buffer.byteLength(json) > pduLimits.eventBytes)
    throw new MatrixError(413, 'M_TOO_LARGE', `An event may have at most ${pduLimits.eventBytes} bytes`)
  return { event, json }
}

function checkFields({ type, state_key, sender }: UnsignedPdu): void {
  for (const [name, value] of Object.entries({ type, state_key, sender })) {
    if (value !== undefined && Buffer.byteLength(value) > pduLimits.fieldBytes)
      throw new MatrixError(413, 'M_TOO_LARGE', `${name} may have at most ${pduLimits.fieldBytes} bytes`)
  }
}

/** The create event of a new room, whose ID it makes in room version 12. */
export function buildCreateEvent(
  roomId: RoomId | undefined,
  draft: Pick<EventDraft, 'sender' | 'content'>,
  rules: RoomVersionRules,
  signer: Signer,
): BuiltEvent {
  const unsigned: UnsignedPdu = {
    ...(rules.roomIdIsCreateHash ? {} : { room_id: roomId }),
    type: 'm.room.create',
    state_key: '',
    sender: draft.sender,
    content: draft.content,
    origin_server_ts: signer.now(),
    depth: 1,
    prev_events: [],
    auth_events: [],
  }
  return signEvent(unsigned, rules, signer)
}
