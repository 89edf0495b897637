/**
 * Whole copies of states, written behind the event that made one due, in pieces.
 *
 * A whole state is read from the last copy of it and the nodes since. When the entries written into nodes since then add
 * up to the size of the state, it is copied: so reading costs at most about twice the state, and writing about two
 * entries for each that changed, in forks and merges too. A copy's chunks mean nothing until its mark is there; a copy
 * that was cut off is begun again, of another node by then, since what makes it due is in the room's row, and takes away
 * what the former has left.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StateMap } from '../events/pdu.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Database } from '../store/reader.js'
import { readStateCopies, readStrayChunks, setStateChunk, setStateCopy } from '../store/room-store.js'
import { deleteRow } from '../store/writes.js'
import type { Snapshot } from './room.js'
import type { StateNodes } from './state-nodes.js'
import type { WriteRoom } from './write-room.js'

/** Small rooms: so many entries are read as fast as a copy. */
const leastWeight = 256
/** Some 200 kB. */
const entriesPerChunk = 2_000
const entriesPerTurn = 5_000

/** The chunk of a copy that an entry is in. */
export function chunkOf(key: string, chunks: number): number {
  let hash = 0
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  return (hash >>> 0) % chunks
}

export const isCopyDue = ({ nodeWeight, stateSize }: Pick<Snapshot, 'nodeWeight' | 'stateSize'>): boolean =>
  nodeWeight > Math.max(leastWeight, stateSize)

/** Writes all chunks of a node's state. @returns how many: they count once `setStateCopy` says so */
export async function writeChunks(db: Database, roomId: RoomId, n: number, state: StateMap): Promise<number> {
  const count = Math.max(1, Math.ceil(state.size / entriesPerChunk))
  const chunks = Array.from({ length: count }, () => ({}) as Record<string, EventId>)
  let taken = 0
  for (const [key, eventId] of state) {
    chunks[chunkOf(key, count)]![key] = eventId
    if (++taken % entriesPerTurn === 0) await nextTurn()
  }
  for (const [index, entries] of chunks.entries())
    await db.commit(() => ({
      writes: [setStateChunk(roomId, n, index, entries)],
      changes: [],
      result: undefined,
    }))
  return count
}

export type CopyState = (roomId: RoomId, room: Snapshot) => Promise<void>

/** @returns what copies the state of a room as it is on disk; a room at a time once */
export function makeCopyState(needs: { db: Database; nodes: StateNodes; write: WriteRoom }): CopyState {
  const running = new Set<RoomId>()

  async function copy(roomId: RoomId, { node: n, nodeWeight }: Snapshot): Promise<void> {
    const chunks = await writeChunks(needs.db, roomId, n, await needs.nodes.read(roomId, n))
    await needs.write(roomId, async (tx) => {
      if (!tx.tip) return
      // Under the lock: a join that is taken in writes chunks of its own, which have no mark yet either.
      const before = (await readStateCopies(needs.db, roomId, n - 1)).at(-1)?.n ?? -1
      const stray = await readStrayChunks(needs.db, roomId, before, n)
      const next = { ...tx.tip, nodeWeight: Math.max(0, tx.tip.nodeWeight - nodeWeight) }
      tx.stage(next, (_, timeline) => ({
        writes: [setStateCopy(roomId, { n, chunks }), ...stray.map((id) => deleteRow('state_chunk', id))],
        changes: [],
        timeline,
      }))
    })
  }

  return async (roomId, room) => {
    if (running.has(roomId)) return
    running.add(roomId)
    await copy(roomId, room).finally(() => running.delete(roomId))
  }
}
