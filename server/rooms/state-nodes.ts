/**
 * State nodes: the state after each event, as a number instead of a copy.
 *
 * A node is its parent plus what changed. Chains are bounded against the size of the state (see
 * `chainLimit`), so reading one is a single range and writing one costs a constant number of entries
 * per state event, however large the room is.
 */
import { LRUCache } from 'lru-cache'
import type { StateMap } from '../events/pdu.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { readStateNodeChain, type StateNodeRow } from '../store/room-store.js'

export type StateNode = { n: number; fullAt: number; state: StateMap }
export type StateChanges = ReadonlyMap<string, EventId | undefined>

const cachedEntries = 200_000
/** With at least n/4 nodes between full copies of n entries, copies cost about four entries per state event. */
const chainLimit = (entries: number) => Math.max(32, entries / 4)

export type StateNodes = {
  /** @throws Error where the room has no such node */
  read(roomId: RoomId, n: number): Promise<StateNode>
  /** Remembers a node whose state was just worked out. */
  remember(roomId: RoomId, node: StateNode): void
  /** Forgets the nodes of a room, some of which never became durable. */
  forget(roomId: RoomId): void
}

export function makeStateNodes(db: Reader): StateNodes {
  const cache = new LRUCache<string, StateNode>({
    maxSize: cachedEntries,
    sizeCalculation: ({ state }) => state.size + 1,
  })
  const keyOf = (roomId: RoomId, n: number) => `${roomId} ${n}`
  return {
    async read(roomId, n) {
      const known = cache.get(keyOf(roomId, n))
      if (known) return known
      const node = fromChain(await readStateNodeChain(db, roomId, n), n)
      if (!node) throw new Error(`no state node ${n} in ${roomId}`)
      cache.set(keyOf(roomId, n), node)
      return node
    },
    remember(roomId, node) {
      cache.set(keyOf(roomId, node.n), node)
    },
    forget(roomId) {
      for (const key of [...cache.keys()]) if (key.startsWith(`${roomId} `)) cache.delete(key)
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
  const state = new Map<string, EventId>()
  for (const row of path.reverse()) {
    for (const [key, eventId] of Object.entries(row.entries)) {
      if (eventId === null) state.delete(key)
      else state.set(key, eventId)
    }
  }
  return { n, fullAt: first.n, state }
}

/**
 * The row of a new node: changes against the parent, or whole where the chain has grown long.
 *
 * @param whole gives the state after the changes; only asked where it is written
 */
export function buildStateNode(
  n: number,
  parent: { n: number; fullAt: number; size: number } | undefined,
  changes: StateChanges,
  whole: () => StateMap,
): StateNodeRow {
  if (parent && n - parent.fullAt <= chainLimit(parent.size)) {
    const entries: Record<string, EventId | null> = {}
    for (const [key, eventId] of changes) entries[key] = eventId ?? null
    return { n, parent: parent.n, full_at: parent.fullAt, entries }
  }
  return { n, parent: parent?.n ?? n, full_at: n, entries: Object.fromEntries(whole()) }
}
