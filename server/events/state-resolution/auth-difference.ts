/**
 * Step 0: the events that the states' pasts do not have in common.
 *
 * A state's past holds its own events as well: those that all states share are then in every past
 * and never in the difference, and the others are in conflict anyway. Everything below a shared
 * event is shared, so the walks of the single states end where the shared past begins.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
import type { EventId } from '../../kernel/identifiers.js'
import type { StateMap } from '../pdu.js'
import { type FetchEvent, reachableEvents } from './events.js'

export function authDifference(
  stateSets: readonly StateMap[],
  unconflicted: StateMap,
  fetch: FetchEvent,
): Set<EventId> {
  const shared = reachableEvents(unconflicted.values(), fetch)
  const counts = new Map<EventId, number>()
  for (const state of stateSets)
    for (const id of reachableEvents(state.values(), fetch, shared)) counts.set(id, (counts.get(id) ?? 0) + 1)
  const difference = new Set<EventId>()
  for (const [id, count] of counts) if (count < stateSets.length) difference.add(id)
  return difference
}
