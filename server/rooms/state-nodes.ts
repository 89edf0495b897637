/**
 * State nodes: the state after each event, as a number instead of a copy.
 *
 * A node is its nearest parent plus what differs. A full copy is written only when the entries written since the
 * last one add up to its size, so writing costs about two entries for each that changed, in forks and merges too,
 * and reading one is a single range.
 */
import type { StateMap } from '../events/pdu.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import type { Reader } from '../store/reader.js'
import { readStateNodeChain, type StateNodeRow } from '../store/room-store.js'

/** Where a node's chain begins, and how much was written in it since. */
export type NodeRef = { n: number; fullAt: number; weight: number }
export type StateNode = NodeRef & { state: StateMap }
type Changes = ReadonlyMap<string, EventId | undefined>

const cachedBytes = 24_000_000
const bytesPerEntry = 120
/** Small rooms: a chain of so many entries is read as fast as a copy. */
const leastWeight = 64

export type StateNodes = {
  /** @throws Error where the room has no such node */
  read(roomId: RoomId, n: number): Promise<StateNode>
}

/** A node that is durable never changes, so nothing in this cache can be out of date. */
export function makeStateNodes(db: Reader): StateNodes {
  const cache = new VersionedCache<string, StateNode>(cachedBytes)
  return {
    async read(roomId, n) {
      const node = await cache.get(`${roomId} ${n}`, async () => {
        const value = fromChain(await readStateNodeChain(db, roomId, n), n)
        return value && { value, bytes: bytesPerEntry * (value.state.size + 1) }
      })
      if (!node) throw new Error(`no state node ${n} in ${roomId}`)
      return node
    },
  }
}

function fromChain(rows: StateNodeRow[], n: number): StateNode | undefined {
  const byNumber = new Map(rows.map((row) => [row.n, row]))
  const path: StateNodeRow[] = []
  for (let row = byNumber.get(n); row; row = row.full_at === row.n ? undefined : byNumber.get(row.parent))
    path.push(row)
  const first = path.at(-1)
  if (!first || first.full_at !== first.n) return undefined
  const weight = path[0]!.weight
  const state = new Map<string, EventId>()
  for (const row of path.reverse()) {
    for (const [key, eventId] of Object.entries(row.entries)) {
      if (eventId === null) state.delete(key)
      else state.set(key, eventId)
    }
  }
  return { n, fullAt: first.n, weight, state }
}

/** A node and its row, where it is new. */
export type BuiltNode = NodeRef & { row?: StateNodeRow }

/**
 * The node after one whose changes are known.
 *
 * @param whole gives the state after the changes; only asked where it is written
 */
export function extendNode(
  n: number,
  parent: (NodeRef & { size: number }) | undefined,
  changes: Changes,
  whole: () => StateMap,
): BuiltNode & { row: StateNodeRow } {
  const weight = (parent?.weight ?? 0) + changes.size
  if (!parent || weight > Math.max(leastWeight, parent.size)) {
    const row = { n, parent: parent?.n ?? n, full_at: n, weight: 0, entries: Object.fromEntries(whole()) }
    return { n, fullAt: n, weight: 0, row }
  }
  const entries: Record<string, EventId | null> = {}
  for (const [key, eventId] of changes) entries[key] = eventId ?? null
  return { n, fullAt: parent.fullAt, weight, row: { n, parent: parent.n, full_at: parent.fullAt, weight, entries } }
}

/** The node of a state: one of the candidates that says just that, or a new one on the nearest of them. */
export function nearestNode(n: number, candidates: readonly StateNode[], state: StateMap): BuiltNode {
  let nearest: { parent: StateNode; changes: Changes } | undefined
  for (const parent of candidates) {
    const changes = changesBetween(parent.state, state)
    if (changes.size === 0) return parent
    if (!nearest || changes.size < nearest.changes.size) nearest = { parent, changes }
  }
  const parent = nearest && { ...nearest.parent, size: nearest.parent.state.size }
  return extendNode(n, parent, nearest?.changes ?? new Map(), () => state)
}

export function changesBetween(from: StateMap, to: StateMap): Map<string, EventId | undefined> {
  const changes = new Map<string, EventId | undefined>()
  for (const [key, eventId] of to) if (from.get(key) !== eventId) changes.set(key, eventId)
  for (const key of from.keys()) if (!to.has(key)) changes.set(key, undefined)
  return changes
}
