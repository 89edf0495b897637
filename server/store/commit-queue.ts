/**
 * The commit queue: the one place from which durable tables are written.
 *
 * Units that wait are merged into one `BEGIN … COMMIT` query; while it runs, the next batch gathers. How it goes:
 *  1. build: each waiting unit is called with a `Grant`; what it is given counts only if the batch commits;
 *  2. feed: every position given out gets its `feed` row, in the same transaction;
 *  3. run, and again with a growing pause while the engine reports a conflict that can be retried;
 *  4. on success the counters and then memory move on, listeners are told in stream order, callers are answered;
 *  5. on failure the batch is halved until the unit that fails stands alone and gets its own error; the
 *     positions it was given go to the next unit, so none is ever skipped.
 *
 * A later unit may build on an earlier one. When one fails, its caller must hear of it before anything
 * else is built, so that what builds on it can notice and fail too: hence the pause after each failure.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { RoomId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { Counters, type TentativeCounters } from './commit-counters.js'
import { CommitMeter, type CommitMetrics } from './commit-meter.js'
import { EngineClosedError } from './engine.js'
import { DatabaseError } from './errors.js'
import { feedRows } from './feed-store.js'
import { checkNames, type PlannedQuery, textIn, WritePlan } from './write-plan.js'
import type { Change, CommitUnit, RoomSeq, StreamPosition, Write } from './writes.js'

/** Largest batch: 256 units of five rows commit in about 30 ms; beyond that nothing is gained. */
const maxUnits = 256
/** Text in one batch, in UTF-16 units; a unit that is larger alone still goes, as the last of its batch. */
const maxBatchText = 4_000_000
const maxAttempts = 20
const maxPauseMs = 50

type Waiting = {
  unit: CommitUnit<unknown>
  resolve(result: unknown): void
  reject(error: unknown): void
}
type Built = {
  waiting: Waiting
  result: unknown
  writes: readonly Write[]
  changes: readonly Change[]
  durable: (() => void) | undefined
}
type Attempt = { built: Built[]; counters: TentativeCounters }

export type CommitQueueOptions = {
  /** Runs the statements as one transaction. @throws DatabaseError, and then nothing was written */
  runTransaction(query: PlannedQuery): Promise<void>
  /** The highest position in the database, for when an answer was lost. */
  readPosition(): Promise<number>
  /** The last position that is durable. */
  position: number
  /** Tables whose required fields an `INSERT` of some fields would not pass. */
  schemafull: ReadonlySet<string>
  logger: Logger
}

export class CommitQueue {
  readonly #options: CommitQueueOptions
  readonly #listeners = new Set<(changes: readonly Change[]) => void>()
  readonly #meter = new CommitMeter()
  readonly #counters: Counters
  readonly #waiting: Waiting[] = []
  /** What goes before `#waiting`: halves of a failed batch, and units put back unbuilt. */
  readonly #first: Waiting[][] = []
  #draining: Promise<void> | undefined
  #isClosed = false

  constructor(options: CommitQueueOptions) {
    this.#options = options
    this.#counters = new Counters(options.position)
  }

  get position(): StreamPosition {
    return this.#counters.position as StreamPosition
  }

  commit<T>(unit: CommitUnit<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new EngineClosedError('the commit queue is closed'))
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ unit, resolve, reject })
    })
    // Not at once, so that units committed in the same turn share a batch.
    this.#draining ??= Promise.resolve().then(() => this.#drain())
    return answer as Promise<T>
  }

  seedRoom(roomId: RoomId, bounds: { maxSeq: RoomSeq; minSeq: RoomSeq }): void {
    this.#counters.seed(roomId, bounds)
  }

  onCommitted(listener: (changes: readonly Change[]) => void): () => void {
    // Wrapped, so that the same function added twice is two listeners.
    const entry = (changes: readonly Change[]) => listener(changes)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /** Units that are not part of a batch yet. */
  get waiting(): number {
    return this.#first.reduce((sum, units) => sum + units.length, this.#waiting.length)
  }

  metrics(): CommitMetrics {
    return this.#meter.read(this.waiting)
  }

  /** Refuses new units and resolves when those that wait are settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#draining
  }

  async #drain(): Promise<void> {
    for (;;) {
      const units = this.#first.shift() ?? this.#waiting.splice(0, maxUnits)
      if (units.length === 0) break
      await this.#commitBatch(units)
    }
    this.#draining = undefined
  }

  /** Settles `units` or puts some of them back to the front. Never throws. */
  async #commitBatch(units: Waiting[]): Promise<void> {
    const { failed, ...attempt } = this.#build(units)
    if (attempt.built.length > 0) {
      try {
        await this.#run(attempt)
        this.#settleSuccess(attempt)
      } catch (error) {
        if (await this.#isCommittedAnyway(attempt, error)) this.#settleSuccess(attempt)
        else await this.#settleFailure(attempt, error)
      }
    }
    if (failed) await nextTurn()
  }

  /** Builds units until one throws or the batch is full; the rest are put back. */
  #build(units: Waiting[]): Attempt & { failed: boolean } {
    const counters = this.#counters.tentative()
    const built: Built[] = []
    let text = 0
    let failed = false
    for (const [index, waiting] of units.entries()) {
      try {
        const each = this.#buildOne(waiting, counters)
        built.push(each)
        text += textIn(each.writes)
      } catch (error) {
        this.#meter.failedUnits += 1
        waiting.reject(error)
        failed = true
      }
      if ((failed || text > maxBatchText) && index + 1 < units.length) {
        this.#first.unshift(units.slice(index + 1))
        break
      }
    }
    return { built, counters, failed }
  }

  #buildOne(waiting: Waiting, counters: TentativeCounters): Built {
    const before = counters.mark()
    try {
      const { writes, changes, result, durable } = waiting.unit(counters)
      checkNames(writes)
      const feed = feedRows(before.position + 1, counters.lastPosition, changes)
      const withFeed = writes.concat(feed.map((row) => ({ op: 'insert', table: 'feed', row })))
      return { waiting, result, writes: withFeed, changes, durable }
    } catch (error) {
      counters.reset(before)
      throw error
    }
  }

  async #run({ built }: Attempt): Promise<void> {
    const plan = new WritePlan(this.#options.schemafull)
    for (const { writes } of built) for (const write of writes) plan.add(write)
    const query = plan.toQuery()
    if (query.rows === 0) return
    for (let attempt = 1; ; attempt++) {
      const start = performance.now()
      try {
        await this.#options.runTransaction(query)
        this.#meter.committed(performance.now() - start, built.length, query.rows)
        return
      } catch (error) {
        if (!(error instanceof DatabaseError && error.isRetryable) || attempt === maxAttempts) throw error
        this.#meter.retries += 1
        await pause(Math.min(maxPauseMs, 2 ** attempt))
      }
    }
  }

  /**
   * An error that is not a statement's may come after the commit. This queue alone writes `feed`, so the
   * batch's last position tells; a batch without positions counts as failed.
   */
  async #isCommittedAnyway({ counters }: Attempt, error: unknown): Promise<boolean> {
    if (error instanceof DatabaseError || counters.lastPosition === this.#counters.position) return false
    return this.#options.readPosition().then(
      (position) => position === counters.lastPosition,
      () => false,
    )
  }

  async #settleFailure({ built }: Attempt, error: unknown): Promise<void> {
    const units = built.map(({ waiting }) => waiting)
    if (units.length > 1 && !(error instanceof EngineClosedError)) {
      this.#options.logger.warn({ err: error, units: units.length }, 'a batch failed and is halved')
      const middle = units.length >> 1
      this.#first.unshift(units.slice(0, middle), units.slice(middle))
      return
    }
    this.#meter.failedUnits += units.length
    for (const unit of units) unit.reject(error)
    await nextTurn()
  }

  #settleSuccess({ built, counters }: Attempt): void {
    this.#counters.adopt(counters)
    for (const { durable } of built) this.#call(() => durable?.(), 'memory could not be moved on after a commit')
    const changes = built.flatMap((each) => each.changes).sort((a, b) => a.position - b.position)
    if (changes.length > 0) this.#tell(changes)
    for (const { waiting, result } of built) waiting.resolve(result)
  }

  #tell(changes: readonly Change[]): void {
    for (const listener of this.#listeners) this.#call(() => listener(changes), 'a listener of commits failed')
  }

  #call(tell: () => void, failure: string): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error({ err: error }, failure)
    }
  }
}
