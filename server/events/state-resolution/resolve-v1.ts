/**
 * State resolution of room version 1.
 *
 * 1. Take what is not in conflict. 2. Power levels, then join rules, then members: of each key's
 * candidates, oldest first, go on as long as each is allowed by the one before. 3. Any other key: the
 * deepest candidate that is allowed.
 *
 * Keys of one kind do not see each other's results, so their order does not matter. Where no
 * candidate of step 3 is allowed the spec leaves the key open; the shallowest one stays, as on other servers.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 */
import { createHash } from 'node:crypto'
import type { EventId } from '../../kernel/identifiers.js'
import { checkAgainstState } from '../auth-rules/index.js'
import { compareCodePoints } from '../canonical-json.js'
import { type PduEvent, parseStateMapKey, type StateMap, stateKeyOf } from '../pdu.js'
import type { RoomVersionRules } from '../room-versions.js'
import type { FetchEvent } from './events.js'
import { splitConflicted } from './split-conflicted.js'

const authTypes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']

export function resolveV1(stateSets: readonly StateMap[], fetch: FetchEvent, rules: RoomVersionRules): StateMap {
  const { unconflicted, conflicted } = splitConflicted(stateSets, false)
  const resolved = new Map(unconflicted) // 1
  const typeOf = (key: string) => parseStateMapKey(key)[0]
  const keys = [...conflicted.keys()]
  for (const type of authTypes) {
    const ofType = keys.filter((key) => typeOf(key) === type)
    settle(ofType, (candidates, state) => lastAllowedInARow(candidates, state, fetch, rules)) // 2
  }
  const others = keys.filter((key) => !authTypes.includes(typeOf(key)))
  settle(others, (candidates, state) => deepestAllowed(candidates, state, fetch, rules)) // 3
  return resolved

  /** Resolves keys against the state so far, then adds all results at once. */
  function settle(ofKind: string[], choose: (oldestFirst: PduEvent[], state: StateMap) => PduEvent | undefined): void {
    const chosen = ofKind.map((key) => [key, choose(oldestFirst(conflicted.get(key) ?? [], fetch), resolved)] as const)
    for (const [key, event] of chosen) if (event) resolved.set(key, event.eventId)
  }
}

/** By depth, then by SHA-1 of the ID descending. */
function oldestFirst(ids: Iterable<EventId>, fetch: FetchEvent): PduEvent[] {
  const sha1 = (id: EventId) => createHash('sha1').update(id).digest('hex')
  return [...ids]
    .map((id) => ({ event: fetch(id), hash: sha1(id) }))
    .filter((entry): entry is { event: PduEvent; hash: string } => entry.event !== undefined)
    .sort((a, b) => a.event.pdu.depth - b.event.pdu.depth || compareCodePoints(b.hash, a.hash))
    .map(({ event }) => event)
}

function isAllowed(
  event: PduEvent,
  state: StateMap,
  before: PduEvent | undefined,
  fetch: FetchEvent,
  rules: RoomVersionRules,
) {
  const lookup = (type: string, stateKey: string) => {
    if (before && before.pdu.type === type && before.pdu.state_key === stateKey) return before
    const id = state.get(stateKeyOf(type, stateKey))
    return id === undefined ? undefined : fetch(id)
  }
  return checkAgainstState(event, lookup, rules).allowed
}

function lastAllowedInARow(candidates: PduEvent[], state: StateMap, fetch: FetchEvent, rules: RoomVersionRules) {
  let [chosen] = candidates
  for (const event of candidates.slice(1)) {
    if (!isAllowed(event, state, chosen, fetch, rules)) return chosen
    chosen = event
  }
  return chosen
}

function deepestAllowed(candidates: PduEvent[], state: StateMap, fetch: FetchEvent, rules: RoomVersionRules) {
  const deepestFirst = [...candidates].reverse()
  return deepestFirst.find((event) => isAllowed(event, state, undefined, fetch, rules)) ?? candidates[0]
}
