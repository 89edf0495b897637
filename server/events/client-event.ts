/**
 * Events as clients see them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-event-format
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { JsonObject, PduEvent } from './pdu.js'
import type { RoomVersionRules } from './room-versions.js'

export type ClientEvent = {
  content: JsonObject
  event_id: EventId
  origin_server_ts: number
  /** Left out in /sync, where the room is named around it. */
  room_id?: RoomId
  sender: UserId
  state_key?: string
  type: string
  redacts?: string
  unsigned?: JsonObject
}

export type ClientEventOptions = {
  rules: RoomVersionRules
  /** Ours, not the sending server's: `age`, `transaction_id`, `redacted_because`, relations. */
  unsigned?: JsonObject
  omitRoomId?: boolean
}

/** A redaction names its target in both places, whatever the room version, for older and newer clients. */
export function toClientEvent(
  { eventId, roomId, pdu }: PduEvent,
  { rules, unsigned, omitRoomId = false }: ClientEventOptions,
): ClientEvent {
  const event: ClientEvent = {
    content: pdu.content,
    event_id: eventId,
    origin_server_ts: pdu.origin_server_ts,
    sender: pdu.sender,
    type: pdu.type,
  }
  if (!omitRoomId) event.room_id = roomId
  if (pdu.state_key !== undefined) event.state_key = pdu.state_key
  if (unsigned && Object.keys(unsigned).length > 0) event.unsigned = unsigned
  if (pdu.type === 'm.room.redaction') nameTarget(event, pdu.redacts, rules)
  return event
}

function nameTarget(event: ClientEvent, atTopLevel: unknown, rules: RoomVersionRules): void {
  if (rules.redactsLocation === 'content') {
    if (typeof event.content.redacts === 'string') event.redacts = event.content.redacts
  } else if (typeof atTopLevel === 'string') {
    event.redacts = atTopLevel
    event.content = { ...event.content, redacts: atTopLevel }
  }
}

/** What a user outside the room is shown of a state event. */
export type StrippedStateEvent = { content: JsonObject; sender: UserId; state_key: string; type: string }

/** Spec: https://spec.matrix.org/v1.19/client-server-api/#stripped-state */
export function stripState({ pdu }: PduEvent): StrippedStateEvent {
  return { content: pdu.content, sender: pdu.sender, state_key: pdu.state_key ?? '', type: pdu.type }
}

/** State events that give a user outside the room an idea of it, where the room has them. */
export const strippedStateTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
] as const
