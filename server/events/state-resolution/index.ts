/**
 * State resolution: one state from the states after several events that nobody has joined up yet.
 *
 * Every server must come to the same answer from the same events, so nothing here depends on the
 * order of the states, on the time or on what else this server knows.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
 */
import type { EventId } from '../../kernel/identifiers.js'
import { createEventIdOf } from '../event-id.js'
import { authEventIds, type StateMap } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import type { FetchEvent } from './events.js'
import { resolveV1 } from './resolve-v1.js'
import { resolveV2 } from './resolve-v2.js'

export type { FetchEvent } from './events.js'

/**
 * @param stateSets the state after each of the events to join up, none of them with rejected events
 * @param fetch     must know the events of all states and their whole auth chains (see `missingEvents`);
 *                  what it does not know is left out, which other servers may see otherwise
 * @returns the one state; empty for no states
 */
export function resolveState(stateSets: readonly StateMap[], fetch: FetchEvent, rules: RoomVersionRules): StateMap {
  const distinct = stateSets.filter((state, i) => !stateSets.slice(0, i).some((other) => isSameState(state, other)))
  if (distinct.length === 0) return new Map()
  if (distinct.length === 1) return distinct[0]!
  return rules.stateResolution === 'v1' ? resolveV1(distinct, fetch, rules) : resolveV2(distinct, fetch, rules)
}

function isSameState(a: StateMap, b: StateMap): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [key, id] of a) if (b.get(key) !== id) return false
  return true
}

/**
 * The events that `resolveState` would ask for in vain. The caller loads them and asks again: what
 * they name in turn only shows then. Empty where the states do not differ.
 */
export function missingEvents(stateSets: readonly StateMap[], fetch: FetchEvent, rules: RoomVersionRules): EventId[] {
  const [first, ...others] = stateSets
  if (!first || others.every((state) => isSameState(state, first))) return []
  const seen = new Set<EventId>()
  const missing: EventId[] = []
  const waiting: EventId[] = []
  const visit = (id: EventId) => {
    if (seen.has(id)) return
    seen.add(id)
    waiting.push(id)
  }
  for (const state of stateSets) for (const id of state.values()) visit(id)
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const event = fetch(id)
    if (!event) {
      missing.push(id)
      continue
    }
    for (const authId of authEventIds(event.pdu)) visit(authId)
    if (rules.roomIdIsCreateHash) visit(createEventIdOf(event.roomId))
  }
  return missing
}
