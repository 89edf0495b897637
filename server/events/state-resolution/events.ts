/**
 * What every step of state resolution asks about events.
 *
 * The steps are synchronous and pure: the caller has the events in memory. An event that is not
 * there counts as if it did not exist; `missingEvents` (index.ts) tells beforehand which ones are.
 */
import type { EventId } from '../../kernel/identifiers.js'
import { createEventIdOf } from '../event-id.js'
import { authEventIds, type PduEvent } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'

/** An event by ID, undefined where the caller does not have it. */
export type FetchEvent = (id: EventId) => PduEvent | undefined

/** The event's own auth event of that type and state key. */
export function findAuthEvent(
  event: PduEvent,
  type: string,
  stateKey: string,
  fetch: FetchEvent,
): PduEvent | undefined {
  for (const id of authEventIds(event.pdu)) {
    const auth = fetch(id)
    if (auth?.pdu.type === type && auth.pdu.state_key === stateKey) return auth
  }
  return undefined
}

/** The create event of an event's room: named among its auth events, or in version 12 by its room ID. */
export function findCreateEvent(event: PduEvent, fetch: FetchEvent, rules: RoomVersionRules): PduEvent | undefined {
  if (event.pdu.type === 'm.room.create') return event
  if (rules.roomIdIsCreateHash) return fetch(createEventIdOf(event.roomId))
  return findAuthEvent(event, 'm.room.create', '', fetch)
}

/**
 * Everything reachable from the given events through `auth_events`, these included.
 *
 * @param stopAt events that are neither entered nor returned
 */
export function reachableEvents(
  from: Iterable<EventId>,
  fetch: FetchEvent,
  stopAt: ReadonlySet<EventId> = new Set(),
): Set<EventId> {
  const reached = new Set<EventId>()
  const waiting: EventId[] = []
  const reach = (id: EventId) => {
    if (reached.has(id) || stopAt.has(id)) return
    reached.add(id)
    waiting.push(id)
  }
  for (const id of from) reach(id)
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const event = fetch(id)
    if (event) for (const authId of authEventIds(event.pdu)) reach(authId)
  }
  return reached
}
