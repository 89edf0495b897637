/**
 * State resolution of room versions 2 to 11 (v2) and 12 (v2.1).
 *
 * 0. Split the states into what they agree on and the full conflicted set.
 * 1. Sort its power events, with what led to them, by power.
 * 2. Replay them: from the agreed state (v2), from nothing (v2.1).
 * 3. Sort the rest along the mainline of the resulting power levels.
 * 4. Replay them on that.
 * 5. Put the agreed entries back over it.
 *
 * v2.1 starts from nothing because the agreed state can be one that no replay would reach: an
 * attacker's fork could so reset entries. It also takes in the events between conflicting ones.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#algorithm
 * Spec: https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
import type { EventId } from '../../kernel/identifiers.js'
import { type PduEvent, type StateMap, stateKeyOf } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import { authDifference } from './auth-difference.js'
import { conflictedSubgraph } from './conflicted-subgraph.js'
import type { FetchEvent } from './events.js'
import { replayAllowed } from './iterative-auth-check.js'
import { sortByMainline } from './mainline-sort.js'
import { selectPowerEvents, sortByPower } from './power-sort.js'
import { splitConflicted } from './split-conflicted.js'

export function resolveV2(stateSets: readonly StateMap[], fetch: FetchEvent, rules: RoomVersionRules): StateMap {
  const startsFromNothing = rules.stateResolution === 'v2.1'
  const { unconflicted, conflicted } = splitConflicted(stateSets, true) // 0
  if (conflicted.size === 0) return unconflicted
  const fullConflicted = authDifference(stateSets, unconflicted, fetch)
  const conflictedIds = new Set<EventId>()
  for (const ids of conflicted.values()) for (const id of ids) conflictedIds.add(id)
  for (const id of conflictedIds) fullConflicted.add(id)
  if (startsFromNothing) for (const id of conflictedSubgraph(conflictedIds, fetch)) fullConflicted.add(id)

  const powerEvents = selectPowerEvents(fullConflicted, fetch)
  const state = new Map(startsFromNothing ? [] : unconflicted)
  replayAllowed(sortByPower(powerEvents, fetch, rules), state, fetch, rules) // 1, 2

  const others: PduEvent[] = []
  for (const id of fullConflicted) {
    const event = powerEvents.has(id) ? undefined : fetch(id)
    if (event) others.push(event)
  }
  const powerLevelsId = state.get(stateKeyOf('m.room.power_levels', ''))
  replayAllowed(sortByMainline(others, powerLevelsId, fetch), state, fetch, rules) // 3, 4

  for (const [key, id] of unconflicted) state.set(key, id) // 5
  return state
}
