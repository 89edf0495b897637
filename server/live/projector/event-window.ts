/**
 * Which events of a room have a row: the newest thousand, and older ones for as long as somebody reads them.
 *
 * Older rows are made in blocks when a user's query names their range. What nobody has read for some minutes is deleted
 * again, and so is what falls out of the newest thousand, silently and in small pieces. All of it happens in turns of
 * the lane of events, so that a redaction can neither be overtaken nor missed.
 */
import type { Clock } from '../../kernel/clock.js'
import type { RoomId } from '../../kernel/identifiers.js'
import type { Room } from '../../rooms/room.js'
import type { LiveTables } from '../../store/live.js'
import { readEventIds } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import { deleteRow } from '../../store/writes.js'
import { rowsPerWrite } from './lane.js'

/** Rows that a room always has, and the steps in which it loses older ones: a range is deleted at once, not row by row. */
export const windowRows = 1_000
export const blockRows = 250
/** Older rows are kept so long after they were read last. */
const keptMs = 10 * 60_000
/** Older blocks of all rooms together. */
const maxBlocks = 400

/** Seq of the oldest row that a room always has. */
export function windowLow({ maxSeq, minSeq }: Pick<Room, 'maxSeq' | 'minSeq'>): number {
  const edge = Math.floor((maxSeq - windowRows) / blockRows) * blockRows + 1
  return Math.max(minSeq, edge)
}

const blockOf = (seq: number) => Math.floor((seq - 1) / blockRows)
const firstOf = (block: number) => block * blockRows + 1

/** Blocks of a range that lie before what a room always has, the newest few where it is long. */
function olderBlocks(room: Room, from: number, to: number): { first: number; last: number } {
  const last = blockOf(Math.min(to, windowLow(room) - 1))
  const first = blockOf(Math.max(from, room.minSeq))
  return { first: Math.max(first, last - windowRows / blockRows + 1), last }
}

type Needs = {
  db: Reader
  live: Pick<LiveTables, 'writeLive'>
  clock: Clock
  /** Writes the rows of a range, silently. */
  writeRange(room: Room, from: number, to: number): Promise<void>
}

export class EventWindow {
  readonly #needs: Needs
  /** Rooms whose window has moved since they were last pruned, and up to where the others were. */
  readonly #due = new Map<RoomId, number>()
  readonly #pruned = new Map<RoomId, number>()
  /** Older blocks that are there, by room, and when each was read last. */
  readonly #older = new Map<RoomId, Map<number, number>>()
  #blocks = 0

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Rows of the room were written, the oldest of them at `seq`. */
  note(room: Room, seq: number): void {
    const low = windowLow(room)
    const isStray = seq < low && !this.shows(room, seq)
    if (isStray) this.#pruned.delete(room.roomId)
    if (isStray || this.#pruned.get(room.roomId) !== low) this.#due.set(room.roomId, low)
  }

  /** Whether rows of a range that somebody is about to read are to be made; both ends inclusive. */
  lacks(room: Room, from: number, to: number): boolean {
    const { first, last } = olderBlocks(room, from, to)
    const blocks = this.#older.get(room.roomId)
    let isMissing = false
    for (let block = first; block <= last; block++) {
      if (blocks?.has(block)) blocks.set(block, this.#needs.clock.elapsed())
      else isMissing = true
    }
    return isMissing
  }

  /** Whether somebody has read the older block of an event, and will look for what is filled in there. */
  shows(room: Room, seq: number): boolean {
    return this.#older.get(room.roomId)?.has(blockOf(seq)) ?? false
  }

  async show(room: Room, from: number, to: number): Promise<void> {
    const low = windowLow(room)
    const { first, last } = olderBlocks(room, from, to)
    const now = this.#needs.clock.elapsed()
    const blocks = this.#older.get(room.roomId) ?? new Map<number, number>()
    for (let block = last; block >= first; block--) {
      if (!blocks.has(block)) {
        await this.#needs.writeRange(room, Math.max(firstOf(block), room.minSeq), Math.min(firstOf(block + 1), low) - 1)
        this.#blocks++
      }
      blocks.set(block, now)
    }
    if (blocks.size > 0) this.#older.set(room.roomId, blocks)
  }

  /** Whether there is anything to delete. */
  get isDue(): boolean {
    return this.#due.size > 0 || this.#blocks > 0
  }

  /** Deletes rows of one room that nobody needs. @returns false where there are none */
  async prune(): Promise<boolean> {
    this.#forgetUnread()
    const [next] = this.#due
    if (!next) return false
    const [roomId, low] = next
    this.#due.delete(roomId)
    const blocks = this.#older.get(roomId)
    const ids = await readEventIds(this.#needs.db, roomId, this.#pruned.get(roomId), low)
    const gone = ids.filter((seq) => !blocks?.has(blockOf(seq)))
    for (let start = 0; start < gone.length; start += rowsPerWrite) {
      const some = gone.slice(start, start + rowsPerWrite)
      await this.#needs.live.writeLive(
        some.map((seq) => deleteRow('room_events', [roomId, seq])),
        { silent: true },
      )
    }
    this.#pruned.delete(roomId)
    this.#pruned.set(roomId, low)
    if (this.#pruned.size > 5_000) this.#pruned.delete(this.#pruned.keys().next().value!)
    return true
  }

  #forgetUnread(): void {
    const oldest = this.#needs.clock.elapsed() - keptMs
    for (const [roomId, blocks] of this.#older) {
      for (const [block, readAt] of blocks) {
        if (readAt > oldest && this.#blocks <= maxBlocks) continue
        blocks.delete(block)
        this.#blocks--
        const low = this.#due.get(roomId) ?? this.#pruned.get(roomId) ?? firstOf(block + 1)
        this.#pruned.delete(roomId)
        this.#due.set(roomId, Math.max(low, firstOf(block + 1)))
      }
      if (blocks.size === 0) this.#older.delete(roomId)
    }
  }
}
