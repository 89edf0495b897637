/**
 * IDs of events and of the rooms that take theirs from an event.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v4/#event-ids
 * Spec: https://spec.matrix.org/v1.19/appendices/#room-ids
 */
import { type EventId, parseEventId, parseRoomId, type RoomId } from '../kernel/identifiers.js'
import { withoutPadding } from './base64.js'
import { referenceHash } from './hashes.js'
import type { JsonObject, Pdu, PduEvent } from './pdu.js'
import type { RoomVersionRules } from './room-versions.js'

/**
 * The event's ID: computed from its reference hash, or in versions 1 and 2 the one it carries.
 *
 * @throws TypeError in versions 1 and 2 where it carries none; the format check lets no such event through
 */
export function computeEventId(pdu: JsonObject, rules: RoomVersionRules): EventId {
  if (rules.eventIdFormat === 'opaque') return known(parseEventId(pdu.event_id), 'event_id')
  return eventIdOfHash(referenceHash(pdu, rules), rules)
}

/** Event ID made from a reference hash; not for versions 1 and 2. */
export function eventIdOfHash(hash: Buffer, rules: RoomVersionRules): EventId {
  const encoded =
    rules.eventIdFormat === 'hash-base64' ? withoutPadding(hash.toString('base64')) : hash.toString('base64url')
  return known(parseEventId(`$${encoded}`), 'reference hash')
}

/** Room ID that a version-12 create event gives its room. */
export const roomIdOfCreate = (eventId: EventId): RoomId =>
  known(parseRoomId(`!${eventId.slice(1)}`), 'create event ID')

/** ID of the create event of a version-12 room. */
export const createEventIdOf = (roomId: RoomId): EventId => known(parseEventId(`$${roomId.slice(1)}`), 'room ID')

/**
 * The room an event belongs to. In version 12 a create event makes its own, whatever it claims.
 *
 * @throws TypeError where the event names no room; the format check lets no such event through
 */
export function roomIdOf(pdu: Pdu, rules: RoomVersionRules): RoomId {
  if (rules.roomIdIsCreateHash && pdu.type === 'm.room.create') return roomIdOfCreate(computeEventId(pdu, rules))
  return known(parseRoomId(pdu.room_id), 'room_id')
}

/** The event with its IDs worked out. Throws as `computeEventId` and `roomIdOf` do. */
export function toPduEvent(pdu: Pdu, rules: RoomVersionRules): PduEvent {
  const eventId = computeEventId(pdu, rules)
  const isFirst = rules.roomIdIsCreateHash && pdu.type === 'm.room.create'
  return { eventId, roomId: isFirst ? roomIdOfCreate(eventId) : roomIdOf(pdu, rules), pdu }
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`the event has no usable ${what}`)
  return value
}
