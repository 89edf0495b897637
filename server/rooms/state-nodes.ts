/**
 * State nodes: the state after each event, as a number instead of a copy.
 *
 * A node's row says what changed against its parent and what was there before, so one walks from node to node both
 * ways, and two states are compared by the rows between them. A whole state is a copy and the rows since: copies are
 * written when the entries written since the last one add up to the size of the state (copy-state.ts).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StateMap } from '../events/pdu.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import type { Reader } from '../store/reader.js'
import {
  readStateChunk,
  readStateCopies,
  readStateNodeRows,
  type StateCopyRow,
  type StateNodeRow,
} from '../store/room-store.js'
import { chunkOf } from './copy-state.js'
import type { Pair, View } from './state-view.js'

const cachedBytes = { rows: 16_000_000, states: 16_000_000 } as const
const rowOverhead = 300
const bytesPerEntry = 120
/** A walk goes down, so the rows below the one that is missing are read with it. */
const rowsPerRead = 64
/** Entries taken without a break for the rest of the server. */
const entriesPerTurn = 5_000

export type StateNodes = {
  /** The whole state of a node, for who must have all of it. @throws Error where the room has no such node */
  read(roomId: RoomId, n: number): Promise<StateMap>
  /** The state of `to` as a view on that of `from`. @throws Error where the room has no such node */
  between(roomId: RoomId, from: number, to: number): Promise<View>
  /** Some entries of a node's state; keys that hold nothing are left out. */
  readEntries(roomId: RoomId, n: number, keys: readonly string[]): Promise<Map<string, EventId>>
}

/** A node that is durable never changes, so nothing in these caches can be out of date. */
export function makeStateNodes(db: Reader): StateNodes {
  const rows = new VersionedCache<string, StateNodeRow>('state_nodes', cachedBytes.rows)
  const states = new VersionedCache<string, StateMap>('states', cachedBytes.states)
  const keyOf = (roomId: RoomId, n: number) => `${roomId} ${n}`

  async function readRow(roomId: RoomId, n: number): Promise<StateNodeRow> {
    const known = rows.peek(keyOf(roomId, n))
    if (known) return known
    const found = await readStateNodeRows(db, roomId, n - rowsPerRead + 1, n)
    for (const { bytes, ...row } of found) rows.set(keyOf(roomId, row.n), row, 2 * bytes + rowOverhead)
    const row = found.at(-1)
    if (row?.n !== n) throw new Error(`no state node ${n} in ${roomId}`)
    return row
  }

  /** The rows from a node down to, but without, the nearest one that has a copy, or to a first one. */
  async function readPath(
    roomId: RoomId,
    n: number,
  ): Promise<{ path: StateNodeRow[]; copy: StateCopyRow | undefined }> {
    const copies = new Map((await readStateCopies(db, roomId, n)).map((copy) => [copy.n, copy]))
    const path: StateNodeRow[] = []
    for (let at = n; ; ) {
      const copy = copies.get(at)
      if (copy) return { path, copy }
      const row = await readRow(roomId, at)
      path.push(row)
      if (row.parent === at) return { path, copy: undefined }
      at = row.parent
    }
  }

  async function readWhole(roomId: RoomId, n: number): Promise<StateMap> {
    const { path, copy } = await readPath(roomId, n)
    const state = new Map<string, EventId>()
    for (let index = 0; copy && index < copy.chunks; index++) {
      const entries = Object.entries(await readStateChunk(db, roomId, copy.n, index))
      for (const [key, eventId] of entries) state.set(key, eventId)
      await nextTurn()
    }
    let taken = 0
    for (const { entries } of path.reverse()) {
      for (const [key, [is]] of Object.entries(entries)) {
        if (is === null) state.delete(key)
        else state.set(key, is)
      }
      taken += Object.keys(entries).length
      if (taken > entriesPerTurn) {
        taken = 0
        await nextTurn()
      }
    }
    return state
  }

  async function read(roomId: RoomId, n: number): Promise<StateMap> {
    const state = await states.get(keyOf(roomId, n), async () => {
      const value = await readWhole(roomId, n)
      return { value, bytes: bytesPerEntry * (value.size + 1) }
    })
    if (!state) throw new Error(`no state node ${n} in ${roomId}`)
    return state
  }

  /** Two states without a common past: of two stays in a room. */
  async function compareWhole(roomId: RoomId, from: number, to: number): Promise<View> {
    const [base, state] = [await read(roomId, from), await read(roomId, to)]
    const view = new Map<string, Pair>()
    for (const [key, id] of state) if (base.get(key) !== id) view.set(key, [id, base.get(key)])
    await nextTurn()
    for (const [key, id] of base) if (!state.has(key)) view.set(key, [undefined, id])
    return view
  }

  /** Down from both nodes until they meet: a row of the one says what is there, and what was below. */
  async function between(roomId: RoomId, from: number, to: number): Promise<View> {
    const sides = [new Side(from), new Side(to)] as const
    for (let walked = 1; sides[0].at !== sides[1].at; walked++) {
      const side = sides[0].at > sides[1].at ? sides[0] : sides[1]
      const row = await readRow(roomId, side.at)
      if (row.parent === row.n) return compareWhole(roomId, from, to)
      side.take(row)
      if (walked % entriesPerTurn === 0) await nextTurn()
    }
    const [base, state] = sides
    const view = new Map<string, Pair>()
    for (const key of new Set([...base.top.keys(), ...state.top.keys()])) {
      const is = state.top.has(key) ? state.top.get(key) : base.below.get(key)
      const was = base.top.has(key) ? base.top.get(key) : state.below.get(key)
      if (is !== was) view.set(key, [is, was])
    }
    return view
  }

  async function readEntries(roomId: RoomId, n: number, keys: readonly string[]): Promise<Map<string, EventId>> {
    const known = states.peek(keyOf(roomId, n))
    const found = new Map<string, EventId>()
    const wanted = new Set(keys)
    if (known) {
      for (const key of wanted) if (known.has(key)) found.set(key, known.get(key)!)
      return found
    }
    const { path, copy } = await readPath(roomId, n)
    for (const { entries } of path) {
      for (const key of wanted) {
        const entry = Object.hasOwn(entries, key) ? entries[key] : undefined
        if (!entry) continue
        wanted.delete(key)
        if (entry[0] !== null) found.set(key, entry[0])
      }
      if (wanted.size === 0) return found
    }
    for (const [index, keysOfChunk] of byChunk(wanted, copy?.chunks ?? 0)) {
      const entries = await readStateChunk(db, roomId, copy!.n, index)
      for (const key of keysOfChunk) if (Object.hasOwn(entries, key)) found.set(key, entries[key]!)
    }
    return found
  }

  return { read, between, readEntries }
}

function byChunk(keys: Iterable<string>, chunks: number): Map<number, string[]> {
  const byIndex = new Map<number, string[]>()
  if (chunks === 0) return byIndex
  for (const key of keys) {
    const index = chunkOf(key, chunks)
    byIndex.set(index, [...(byIndex.get(index) ?? []), key])
  }
  return byIndex
}

/** One end of a walk: what its node has under the keys met so far, and what is there where the walk has come to. */
class Side {
  at: number
  readonly top = new Map<string, EventId | undefined>()
  readonly below = new Map<string, EventId | undefined>()

  constructor(at: number) {
    this.at = at
  }

  take({ parent, entries }: StateNodeRow): void {
    this.at = parent
    for (const [key, [is, was]] of Object.entries(entries)) {
      if (!this.top.has(key)) this.top.set(key, is ?? undefined)
      this.below.set(key, was ?? undefined)
    }
  }
}
