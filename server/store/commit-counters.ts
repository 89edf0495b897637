/**
 * How far the stream and each room's sequence numbers have come.
 *
 * An attempt to commit works on a tentative copy that remembers only what it changed; it is adopted when the
 * attempt is durable and thrown away otherwise, so a failed attempt leaves no gap.
 */
import type { RoomId } from '../kernel/identifiers.js'
import type { Grant, RoomSeq, StreamPosition } from './writes.js'

type Bounds = { maxSeq: number }
export type Mark = { position: number; undo: number }

export class Counters {
  position: number
  readonly #rooms = new Map<RoomId, Bounds>()

  constructor(position: number) {
    this.position = position
  }

  /** Only ever widens: what is read from the database may be older than what this process has given out. */
  seed(roomId: RoomId, { maxSeq }: Bounds): void {
    this.#rooms.set(roomId, { maxSeq: Math.max(maxSeq, this.#rooms.get(roomId)?.maxSeq ?? maxSeq) })
  }

  boundsOf(roomId: RoomId): Bounds {
    const bounds = this.#rooms.get(roomId)
    if (!bounds) throw new Error(`room ${roomId} was not seeded before its seq was asked for`)
    return bounds
  }

  tentative(): TentativeCounters {
    return new TentativeCounters(this)
  }

  adopt(attempt: TentativeCounters): void {
    this.position = attempt.lastPosition
    for (const [roomId, bounds] of attempt.rooms) this.seed(roomId, bounds)
  }
}

export class TentativeCounters implements Grant {
  #position: number
  readonly rooms = new Map<RoomId, Bounds>()
  readonly #undo: [RoomId, Bounds | undefined][] = []
  readonly #base: Counters

  constructor(base: Counters) {
    this.#base = base
    this.#position = base.position
  }

  get lastPosition(): number {
    return this.#position
  }

  position(): StreamPosition {
    this.#position += 1
    return this.#position as StreamPosition
  }

  seq(roomId: RoomId, least = 0): RoomSeq {
    const bounds = this.rooms.get(roomId) ?? this.#base.boundsOf(roomId)
    const maxSeq = Math.max(bounds.maxSeq + 1, least)
    this.#set(roomId, { maxSeq })
    return maxSeq as RoomSeq
  }

  mark(): Mark {
    return { position: this.#position, undo: this.#undo.length }
  }

  /** Takes back everything given out since the mark. */
  reset(mark: Mark): void {
    this.#position = mark.position
    while (this.#undo.length > mark.undo) {
      const [roomId, before] = this.#undo.pop()!
      if (before) this.rooms.set(roomId, before)
      else this.rooms.delete(roomId)
    }
  }

  #set(roomId: RoomId, bounds: Bounds): void {
    this.#undo.push([roomId, this.rooms.get(roomId)])
    this.rooms.set(roomId, bounds)
  }
}
