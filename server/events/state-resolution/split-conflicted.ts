/**
 * Step 0: what the states agree on, and what they do not.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
import type { EventId } from '../../kernel/identifiers.js'
import type { StateMap } from '../pdu.js'

export type SplitState = {
  /** Entries that every state has, with the same event. */
  readonly unconflicted: ReadonlyMap<string, EventId>
  /** The events of all other entries, by key. */
  readonly conflicted: ReadonlyMap<string, ReadonlySet<EventId>>
}

/**
 * @param absenceIsConflict whether a key that some states lack is in conflict: yes from version 2 of the
 *                          algorithm on, no in version 1, which takes what the others have
 */
export function splitConflicted(stateSets: readonly StateMap[], absenceIsConflict: boolean): SplitState {
  const unconflicted = new Map<string, EventId>()
  const conflicted = new Map<string, Set<EventId>>()
  const keys = new Set<string>()
  for (const state of stateSets) for (const key of state.keys()) keys.add(key)
  for (const key of keys) {
    const ids = new Set<EventId>()
    let isEverywhere = true
    for (const state of stateSets) {
      const id = state.get(key)
      if (id === undefined) isEverywhere = false
      else ids.add(id)
    }
    const [first] = ids
    if (ids.size === 1 && first !== undefined && (isEverywhere || !absenceIsConflict)) unconflicted.set(key, first)
    else conflicted.set(key, ids)
  }
  return { unconflicted, conflicted }
}
