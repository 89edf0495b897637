/**
 * Steps 2 and 4: replays events on a state; what the auth rules refuse is left out.
 *
 * Where the state lacks an entry that the rules ask for, the event's own auth event stands in,
 * unless that was rejected.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
import type { EventId } from '../../kernel/identifiers.js'
import { checkAgainstState } from '../auth-rules/index.js'
import { type PduEvent, stateKeyOf } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import { type FetchEvent, findAuthEvent, findCreateEvent } from './events.js'

/** @param state is changed: allowed events become its entries */
export function replayAllowed(
  events: readonly PduEvent[],
  state: Map<string, EventId>,
  fetch: FetchEvent,
  rules: RoomVersionRules,
): void {
  for (const event of events) {
    if (event.pdu.state_key === undefined) continue // a message among some event's auth events
    const lookup = (type: string, stateKey: string) => lookUp(event, type, stateKey, state, fetch, rules)
    if (checkAgainstState(event, lookup, rules).allowed)
      state.set(stateKeyOf(event.pdu.type, event.pdu.state_key), event.eventId)
  }
}

function lookUp(
  event: PduEvent,
  type: string,
  stateKey: string,
  state: ReadonlyMap<string, EventId>,
  fetch: FetchEvent,
  rules: RoomVersionRules,
): PduEvent | undefined {
  if (type === 'm.room.create' && rules.roomIdIsCreateHash) return findCreateEvent(event, fetch, rules)
  const id = state.get(stateKeyOf(type, stateKey))
  if (id !== undefined) return fetch(id)
  const own = findAuthEvent(event, type, stateKey, fetch)
  return own?.rejected ? undefined : own
}
