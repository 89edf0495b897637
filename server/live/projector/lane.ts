/**
 * A lane of the projection: follows the stream of durable changes for one live table, with a mark of its own.
 *
 * Lanes know nothing of each other, but for one that may not run ahead of another (`after`). Each goes in stream order and
 * writes its mark in the transaction of its rows, so that after a crash exactly what is missing is done again, from
 * the feed. What a lane wrote is of a form with a number; where the number is another, or the feed does not reach back
 * far enough, this lane alone is written anew. A change that cannot be written is left out alone, and a lane that
 * fails goes on trying while the others go on working.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../kernel/clock.js'
import type { Logger } from '../../kernel/logger.js'
import { readFeed } from '../../store/feed-store.js'
import type { LiveTables } from '../../store/live.js'
import { type LaneName, readProjection, setProjection } from '../../store/projection-store.js'
import type { Database } from '../../store/reader.js'
import type { Write } from '../../store/writes.js'
import { type Work, workOfFeed } from './work.js'

export type LaneWrites = {
  /** Bulk that no live query is told of: goes first, in pieces that are each a transaction. */
  silent?: readonly Write[]
  /** Told to live queries: one transaction, with the mark. */
  loud?: readonly Write[]
  written?(): void
}

export type LaneParts = {
  name: LaneName
  /** Form of the rows; those of another one are written anew. */
  version: number
  /** Whether the work is anything to this lane. */
  takes(work: Work): boolean
  /** What is to be written for these, in stream order; what fails for one of them is its own affair. */
  build(works: readonly Work[], backlog: number): Promise<LaneWrites>
  /** Writes the table from nothing; changes after `position` come as works. */
  rebuild(position: number, signal: AbortSignal): Promise<void>
  /** In place of a work that cannot be written. */
  leaveOut?(work: Work): readonly Write[]
  /** Never runs ahead of this lane. */
  after?: Lane
  /**
   * While batches follow each other, works gather for so long before the next: one transaction for several costs a
   * fraction of one for each. What comes after a silence goes at once.
   */
  streamMs?: number
  /** How long to let works gather for other reasons. */
  gatherMs?(queued: number): number
  /** How long to leave the time to others before the next batch, however much waits. */
  restMs?(): number
}

export type LaneNeeds = { db: Database; live: Pick<LiveTables, 'writeLive' | 'empty'>; clock: Clock; logger: Logger }

/** The server ends: what was to be done is done at the next start, or not at all. */
export class LaneClosedError extends Error {}

/** Works of one batch, and positions that are read from the feed together. */
const batchSize = 512
/** Rows of one silent transaction: larger ones would hold the thread while they are encoded. */
export const rowsPerWrite = 250
/** Works kept in memory; beyond that they are read from the feed when their turn comes. */
const maxQueued = 20_000
/** Waits between attempts at one change that fails alone; the last also after a failure that is nobody's. */
const retryMs = [50, 500]
const stumbleMs = 3_000

export class Lane {
  readonly #needs: LaneNeeds
  readonly #parts: LaneParts
  readonly #closing = new AbortController()
  #queue: Work[] = []
  /** When the first of the queue was told. */
  #waitingSince: number | undefined
  /** True while works come from the feed: at start, and after more came than is kept. */
  #isBehind = true
  /** True where the rows are of another form, or of no form at all. */
  #isFormer = false
  #isBusy = false
  /** When the last batch was written. */
  #batchAt = Number.NEGATIVE_INFINITY
  /** Position of the last change that was told, of the last that is projected, and what the database says of that. */
  #told = 0
  #position = 0
  #marked = 0
  /** What others want done between two batches. */
  #tasks: (() => Promise<void>)[] = []
  #loop: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  #waiters: { position: number; resolve(): void }[] = []

  constructor(needs: LaneNeeds, parts: LaneParts) {
    this.#needs = needs
    this.#parts = parts
  }

  get name(): LaneName {
    return this.#parts.name
  }

  /** The last stream position that is in the live tables. */
  get position(): number {
    return this.#position
  }

  /** Where a restart would go on. */
  get marked(): number {
    return this.#marked
  }

  /** Stream positions that are durable and not projected yet. */
  get lag(): number {
    return Math.max(0, this.#told - this.#position)
  }

  /** How long the oldest of them has waited. */
  get lagMs(): number {
    return this.lag === 0 ? 0 : this.#needs.clock.elapsed() - (this.#waitingSince ?? this.#needs.clock.elapsed())
  }

  /** Reads the mark; `begin` must follow in the turn in which the stream is listened to. */
  async readMark(): Promise<() => void> {
    const { db } = this.#needs
    const mark = await readProjection(db, this.#parts.name)
    return () => {
      const isUsable = mark?.version === this.#parts.version && mark.position <= db.position
      this.#told = db.position
      this.#position = isUsable ? mark.position : 0
      this.#marked = this.#position
      // A lane that has no mark is new: it reads the feed from its start, or is written anew where that is gone.
      this.#isFormer = mark !== undefined && !isUsable
      this.#waitingSince = this.#needs.clock.elapsed()
      this.#loop = this.#run()
    }
  }

  /** @param position of the last change, whether it is anything to this lane or not */
  hear(works: readonly Work[], position: number): void {
    this.#told = position
    if (!this.#isBehind) {
      const isEmpty = this.#queue.length === 0 && !this.#isBusy
      for (const work of works) if (this.#parts.takes(work)) this.#queue.push(work)
      if (this.#queue.length > maxQueued) {
        this.#queue = []
        this.#isBehind = true
      } else if (isEmpty && this.#queue.length === 0) {
        this.#moveTo(position)
        return
      } else if (isEmpty) this.#waitingSince = this.#needs.clock.elapsed()
    }
    this.#wake?.()
  }

  /** Resolves when the lane has come to a position, or is closed. */
  reached(position: number): Promise<void> {
    if (this.#position >= position || this.#closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ position, resolve }))
  }

  /** Runs `work` between two batches, so that neither can overtake the other; rejects when the lane is closed. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) return reject(new LaneClosedError())
      this.#tasks.push(async () => {
        if (this.#closing.signal.aborted) reject(new LaneClosedError())
        else await work().then(resolve, reject)
      })
      this.#wake?.()
    })
  }

  /** Has the database know how far the lane has come, where nothing of its own made it say so. */
  writeMark(): Promise<void> {
    return this.inTurn(async () => {
      const position = this.#position
      if (position === this.#marked) return
      await this.#needs.live.writeLive([setProjection(this.name, position, this.#parts.version)])
      this.#marked = position
    })
  }

  /** Finishes the batch under way. What is left is done at the next start. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake?.()
    for (const { resolve } of this.#waiters.splice(0)) resolve()
    await this.#loop
    if (!this.#isFormer && this.#position > this.#marked)
      await this.#needs.live
        .writeLive([setProjection(this.name, this.#position, this.#parts.version)])
        .catch((error: unknown) => this.#needs.logger.warn({ err: error, lane: this.name }, 'the mark was not written'))
    for (const task of this.#tasks.splice(0)) await task()
  }

  #moveTo(position: number): void {
    this.#position = Math.max(this.#position, position)
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = waiters.filter((waiter) => waiter.position > this.#position)
    for (const { position: wanted, resolve } of waiters) if (wanted <= this.#position) resolve()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        this.#isBusy = true
        // A turn of its own: what was just committed is then known in memory with its place.
        await nextTurn()
        if (this.#isFormer) await this.#rebuild()
        else if (this.#isBehind) await this.#rest().then(() => this.#readBatch())
        else if (this.#queue.length > 0) await this.#rest().then(() => this.#takeBatch())
        else if (this.#tasks.length === 0) await this.#sleep()
        await this.#tasks.shift()?.()
      } catch (error) {
        if (signal.aborted) return
        this.#needs.logger.error({ err: error, lane: this.name }, 'a lane of the live tables stumbled')
        await this.#pause(stumbleMs)
      }
    }
  }

  #sleep(): Promise<void> {
    this.#isBusy = false
    this.#moveTo(this.#told)
    return new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
      if (this.#queue.length > 0 || this.#tasks.length > 0 || this.#isBehind || this.#closing.signal.aborted)
        this.#wake()
    })
  }

  async #rest(): Promise<void> {
    const ms = this.#parts.restMs?.() ?? 0
    if (ms > 0) await this.#pause(ms)
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise<void>((resolve) => {
      const end = () => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#needs.clock.after(ms, end)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  // ── taking works ─────────────────────────────────────────────────────────────────────────────

  async #takeBatch(): Promise<void> {
    const { streamMs = 0, gatherMs } = this.#parts
    const isStream = this.#needs.clock.elapsed() - this.#batchAt < 2 * streamMs
    const waitMs = Math.max(isStream ? streamMs : 0, gatherMs?.(this.#queue.length) ?? 0)
    if (waitMs > 0 && this.#queue.length < batchSize) await this.#pause(waitMs)
    const works = this.#queue.splice(0, batchSize)
    if (works.length === 0) return // more came than is kept
    const next = this.#queue[0]
    try {
      await this.#project(works, next ? next.position - 1 : this.#told)
    } catch (error) {
      this.#queue = works.filter(({ position }) => position > this.#position).concat(this.#queue)
      throw error
    }
    this.#batchAt = this.#needs.clock.elapsed()
    this.#waitingSince = this.#batchAt
  }

  async #readBatch(): Promise<void> {
    const until = this.#told
    const entries = await readFeed(this.#needs.db, this.#position, batchSize)
    const first = entries[0]
    const last = entries.at(-1)
    if (!first || !last) {
      if (until > this.#position) return this.#rebuild()
      // Nothing was told since the read began, or it would be read next.
      if (this.#told === until) this.#isBehind = false
      return
    }
    if (first.position > this.#position + 1) return this.#rebuild()
    const works = entries.flatMap((entry) => workOfFeed(entry) ?? []).filter((work) => this.#parts.takes(work))
    if (works.length > 0) await this.#project(works, last.position)
    else this.#moveTo(last.position)
  }

  async #rebuild(): Promise<void> {
    const { db, logger, live } = this.#needs
    const { signal } = this.#closing
    const { position } = db
    logger.warn({ position, lane: this.name }, 'a live table is written anew')
    await this.#parts.after?.reached(position)
    await this.#parts.rebuild(position, signal)
    if (signal.aborted) return
    await live.writeLive([setProjection(this.name, position, this.#parts.version)])
    this.#isFormer = false
    this.#isBehind = true
    this.#marked = position
    this.#moveTo(position)
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────

  async #project(works: readonly Work[], until: number): Promise<void> {
    await this.#parts.after?.reached(works.at(-1)!.position)
    if (this.#closing.signal.aborted) return
    for (const ms of [...retryMs, undefined]) {
      try {
        await this.#buildAndWrite(works, until)
        break
      } catch (error) {
        if (this.#closing.signal.aborted) throw error
        if (works.length > 1) return this.#projectHalves(works, until)
        // What fails for one change alone will mostly fail again, but a database that is slow may not.
        if (ms === undefined) await this.#leaveOut(works[0]!, until, error)
        else await this.#pause(ms)
      }
    }
    this.#marked = until
    this.#moveTo(until)
  }

  async #buildAndWrite(works: readonly Work[], until: number): Promise<void> {
    const { silent = [], loud = [], written } = await this.#parts.build(works, this.#queue.length)
    const { live } = this.#needs
    const mark = setProjection(this.name, until, this.#parts.version)
    // What is done a second time, after a crash in between, finds its rows as they are.
    for (let start = 0; start < silent.length; start += rowsPerWrite) {
      const isLast = start + rowsPerWrite >= silent.length && loud.length === 0
      const piece = silent.slice(start, start + rowsPerWrite)
      await live.writeLive(isLast ? [...piece, mark] : piece, { silent: true })
    }
    if (loud.length > 0 || silent.length === 0) await live.writeLive([...loud, mark])
    written?.()
  }

  /** The poisoned one among them will stand alone in the end. */
  async #projectHalves(works: readonly Work[], until: number): Promise<void> {
    const middle = works.length >> 1
    const first = works.slice(0, middle)
    // Works of one position stay together as far as the mark goes: it moves with the last of them.
    await this.#project(first, Math.min(first.at(-1)!.position, works[middle]!.position - 1))
    await this.#project(works.slice(middle), until)
  }

  async #leaveOut(work: Work, until: number, error: unknown): Promise<void> {
    const { logger, live } = this.#needs
    const { position, kind } = work
    logger.error({ err: error, lane: this.name, position, kind }, 'a change is left out of the live tables')
    const mark = setProjection(this.name, until, this.#parts.version)
    await live.writeLive([...(this.#parts.leaveOut?.(work) ?? []), mark])
  }
}
