/**
 * States told by what differs from another: pure.
 *
 * A room's current state, and every state that an event may be built on, has as many entries as the room has members,
 * and two of them differ in few. So a state is handled as a *view*: the entries in which it differs from one that all
 * views at hand are told against, its base, with what the base has there.
 */
import type { EventId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import type { NodeEntries, StateNodeRow } from '../store/room-store.js'

/** What an entry is, and what it is in the base; undefined: nothing. */
export type Pair = readonly [is: EventId | undefined, was: EventId | undefined]
export type View = ReadonlyMap<string, Pair>

/** A node with its state as a view. */
export type NodeView = { n: number; view: View }

/** A node, and its row where it is new. */
export type BuiltNode = { n: number; row?: StateNodeRow }

/** The base itself. */
export const noView: View = new Map()

/** The view with one entry set. */
export function withEntry(view: View, key: string, eventId: EventId, inBase: EventId | undefined): View {
  return PersistentMap.of(view).set(key, [eventId, view.has(key) ? view.get(key)?.[1] : inBase])
}

/** What differs in `to` against `from`, both told against one base. */
export function changesBetween(from: View, to: View): Map<string, Pair> {
  const changes = new Map<string, Pair>()
  for (const [key, [is, base]] of to) {
    const was = from.has(key) ? from.get(key)?.[0] : base
    if (is !== was) changes.set(key, [is, was])
  }
  for (const [key, [was, base]] of from) if (!to.has(key) && was !== base) changes.set(key, [base, was])
  return changes
}

/** The views' states as whole as `keys` go: for state resolution, which asks for nothing else. */
export function restricted(
  view: View,
  keys: Iterable<string>,
  inBase: (key: string) => EventId | undefined,
): Map<string, EventId> {
  const state = new Map<string, EventId>()
  for (const key of keys) {
    const id = view.has(key) ? view.get(key)?.[0] : inBase(key)
    if (id !== undefined) state.set(key, id)
  }
  return state
}

/** The node after one whose changes are known; `parent` undefined for a first one. */
export const extendNode = (
  n: number,
  parent: number | undefined,
  changes: View,
): BuiltNode & { row: StateNodeRow } => ({
  n,
  row: { n, parent: parent ?? n, entries: entriesOf(changes) },
})

/** The node of a state: one of the candidates that says just that, or a new one on the nearest of them. */
export function nearestNode(n: number, candidates: readonly NodeView[], state: View): BuiltNode {
  let nearest: { parent: number; changes: View } | undefined
  for (const candidate of candidates) {
    const changes = changesBetween(candidate.view, state)
    if (changes.size === 0) return { n: candidate.n }
    if (!nearest || changes.size < nearest.changes.size) nearest = { parent: candidate.n, changes }
  }
  return extendNode(n, nearest?.parent, nearest?.changes ?? state)
}

const entriesOf = (changes: View): NodeEntries =>
  Object.fromEntries([...changes].map(([key, [is, was]]) => [key, [is ?? null, was ?? null] as const]))

export const weightOf = (row: StateNodeRow | undefined): number => (row ? Object.keys(row.entries).length : 0)
