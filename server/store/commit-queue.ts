/**
 * The commit queue: the one place from which durable tables are written.
 *
 * Units that wait are merged into one `BEGIN … COMMIT` query; while it runs, the next batch gathers. How it goes:
 *  1. build: each waiting unit is called with a `Grant`; what it is given counts only if the batch commits;
 *  2. feed: what every position given out was goes into `feed` in the same transaction;
 *  3. run, and again with a growing pause while the engine reports a conflict that can be retried;
 *  4. on success the counters and then memory move on, callers are answered, and who follows the changes is told (`follow-changes.ts`);
 *  5. where an error says that nothing was written, the batch is halved until the unit that fails stands alone and
 *     gets its own error (one whose row is there already, as of a request that is repeated after a restart, is told by
 *     the error and stands alone at once); the positions it was given go to the next unit, so none is ever skipped;
 *  6. any other error, and a transaction that does not settle in time, leaves open what was written: the store has
 *     failed, every unit is refused from then on, and no position is given out again (`store-health.ts`).
 *
 * No batch is larger than `transactionLimits`; a unit that alone is larger is refused before it reaches the engine,
 * and its caller has to go in pieces.
 *
 * A later unit may build on an earlier one. When one fails, its caller must hear of it before anything
 * else is built, so that what builds on it can notice and fail too: hence the pause after each failure.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, pause } from '../kernel/clock.js'
import type { RoomId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { Counters, type TentativeCounters } from './commit-counters.js'
import { CommitMeter, type CommitMetrics } from './commit-meter.js'
import { EngineClosedError } from './engine.js'
import { AlreadyExistsError, DatabaseError, isNothingWritten } from './errors.js'
import { type FeedPart, feedParts, feedWrites, sizeOfFeed } from './feed-store.js'
import { type ChangeFollower, ChangeFollowers, type CommitPhase, commitPhases } from './follow-changes.js'
import { settleInTime } from './settle-in-time.js'
import type { StoreHealth } from './store-health.js'
import { checkNames, type PlannedQuery, WritePlan } from './write-plan.js'
import { checkSize, type Size, sizeOfWrites, transactionLimits } from './write-size.js'
import type { Change, CommitUnit, RoomSeq, RowId, StreamPosition, Write } from './writes.js'

/** Largest batch: 256 units of five rows commit in about 30 ms; beyond that nothing is gained. */
const maxUnits = 256
/** Beyond that a batch takes no further unit. */
const fullBatch: Size = { bytes: transactionLimits.bytes / 2, rows: transactionLimits.rows / 2 }
const maxAttempts = 20
const maxPauseMs = 50

type Waiting = {
  unit: CommitUnit<unknown>
  /** When it was handed in, by the monotonic clock. */
  since: number
  resolve(result: unknown): void
  reject(error: unknown): void
}
type Built = {
  waiting: Waiting
  result: unknown
  writes: readonly Write[]
  changes: readonly Change[]
  feed: readonly FeedPart[]
  durable: (() => void) | undefined
  size: Size
}
type Attempt = { built: Built[]; counters: TentativeCounters }

export type CommitQueueOptions = {
  /** Runs the statements as one transaction. `isNothingWritten` tells what an error leaves open. */
  runTransaction(query: PlannedQuery): Promise<void>
  health: StoreHealth
  clock: Clock
  /** The last position that is durable. */
  position: number
  /** Tables whose required fields an `INSERT` of some fields would not pass. */
  schemafull: ReadonlySet<string>
  logger: Logger
}

export class CommitQueue {
  readonly #options: CommitQueueOptions
  readonly #followers: ChangeFollowers
  readonly #meter = new CommitMeter()
  readonly #counters: Counters
  readonly #waiting: Waiting[] = []
  /** What goes before `#waiting`: halves of a failed batch, and units put back unbuilt. */
  readonly #first: Waiting[][] = []
  /** The batch that is being committed. */
  #underWay: readonly Built[] = []
  #draining: Promise<void> | undefined
  #isClosed = false

  constructor(options: CommitQueueOptions) {
    this.#options = options
    this.#followers = new ChangeFollowers((error, phase) =>
      options.logger.error({ err: error, phase }, 'a follower of commits failed'),
    )
    this.#counters = new Counters(options.position)
  }

  get position(): StreamPosition {
    return this.#counters.position as StreamPosition
  }

  commit<T>(unit: CommitUnit<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new EngineClosedError('the commit queue is closed'))
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ unit, since: this.#options.clock.elapsed(), resolve, reject })
    })
    // Not at once, so that units committed in the same turn share a batch.
    this.#draining ??= Promise.resolve().then(() => this.#drain())
    return answer as Promise<T>
  }

  /** Positions up to that one were given out once, whatever the database remembers. */
  skipTo(position: number): void {
    this.#counters.position = Math.max(this.#counters.position, position)
  }

  seedRoom(roomId: RoomId, bounds: { maxSeq: RoomSeq }): void {
    this.#counters.seed(roomId, bounds)
  }

  onCommitted(phase: CommitPhase, follower: ChangeFollower): () => void {
    return this.#followers.add(phase, follower)
  }

  /** Units that are not part of a batch yet. */
  get waiting(): number {
    return this.#first.reduce((sum, units) => sum + units.length, this.#waiting.length)
  }

  metrics(): CommitMetrics {
    const oldest = this.#underWay[0]?.waiting ?? this.#first[0]?.[0] ?? this.#waiting[0]
    return this.#meter.read({
      waiting: this.waiting,
      bytesUnderWay: this.#underWay.reduce((sum, { size }) => sum + size.bytes, 0),
      oldestMs: oldest ? this.#options.clock.elapsed() - oldest.since : 0,
      hasFailed: this.#options.health.hasFailed,
    })
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
    const refusal = this.#options.health.writeRefusal()
    if (refusal) {
      this.#refuse(units, refusal)
      return nextTurn()
    }
    const { failed, ...attempt } = this.#build(units)
    if (attempt.built.length > 0) {
      this.#underWay = attempt.built
      try {
        await this.#run(attempt)
        this.#settleSuccess(attempt)
      } catch (error) {
        await this.#settleFailure(attempt, error)
      } finally {
        this.#underWay = []
      }
    }
    if (failed) await nextTurn()
  }

  /** Builds units until one throws or the batch is full; the rest are put back. */
  #build(units: Waiting[]): Attempt & { failed: boolean } {
    const counters = this.#counters.tentative()
    const built: Built[] = []
    const total: Size = { bytes: 0, rows: 0 }
    for (const [index, waiting] of units.entries()) {
      const before = counters.mark()
      let each: Built
      try {
        each = this.#buildOne(waiting, counters)
        checkSize(each.size)
      } catch (error) {
        counters.reset(before)
        this.#refuse([waiting], error)
        this.#putBack(units.slice(index + 1))
        return { built, counters, failed: true }
      }
      total.bytes += each.size.bytes
      total.rows += each.size.rows
      if (built.length > 0 && (total.bytes > fullBatch.bytes || total.rows > fullBatch.rows)) {
        counters.reset(before) // it is built again as the first of the next batch
        this.#putBack(units.slice(index))
        break
      }
      built.push(each)
    }
    return { built, counters, failed: false }
  }

  #putBack(units: Waiting[]): void {
    if (units.length > 0) this.#first.unshift(units)
  }

  #refuse(units: readonly Waiting[], error: unknown): void {
    this.#meter.failedUnits += units.length
    for (const { reject } of units) reject(error)
  }

  #buildOne(waiting: Waiting, counters: TentativeCounters): Built {
    const first = counters.lastPosition + 1
    const { writes, changes, result, durable } = waiting.unit(counters)
    checkNames(writes)
    const last = counters.lastPosition
    const feed = feedParts(first, last, changes)
    const size = sizeOfWrites(writes, sizeOfFeed(first, last, feed))
    return { waiting, result, writes, changes, feed, durable, size }
  }

  async #run({ built, counters }: Attempt): Promise<void> {
    const { runTransaction, clock, health } = this.#options
    const plan = new WritePlan(this.#options.schemafull)
    for (const { writes } of built) for (const write of writes) plan.add(write)
    const parts = built.flatMap(({ feed }) => feed)
    for (const write of feedWrites(this.#counters.position + 1, counters.lastPosition, parts)) plan.add(write)
    const query = plan.toQuery()
    if (query.rows === 0) return
    const bytes = built.reduce((sum, { size }) => sum + size.bytes, 0)
    for (let attempt = 1; ; attempt++) {
      const start = performance.now()
      try {
        await settleInTime(runTransaction(query), clock)
        this.#meter.committed(performance.now() - start, built.length, query.rows, bytes)
        return
      } catch (error) {
        if (!isNothingWritten(error)) {
          health.fail(error, { units: built.length, bytes, rows: query.rows, tables: plan.summary() })
        }
        if (!(error instanceof DatabaseError && error.isRetryable) || attempt === maxAttempts) throw error
        this.#meter.retries += 1
        await pause(Math.min(maxPauseMs, 2 ** attempt))
      }
    }
  }

  async #settleFailure({ built }: Attempt, error: unknown): Promise<void> {
    const { health, logger } = this.#options
    const units = built.map(({ waiting }) => waiting)
    if (!health.hasFailed && units.length > 1) {
      const at = indexOfRepeated(built, error)
      if (at === undefined) logger.warn({ err: error, units: units.length }, 'a batch failed and is halved')
      const middle = units.length >> 1
      const [end, start] = at === undefined ? [middle, middle] : [at, at + 1]
      const parts = [units.slice(0, end), units.slice(end, start), units.slice(start)]
      this.#first.unshift(...parts.filter((part) => part.length > 0))
      return
    }
    this.#refuse(units, health.readRefusal() ?? error)
    await nextTurn()
  }

  #settleSuccess({ built, counters }: Attempt): void {
    this.#counters.adopt(counters)
    for (const { durable } of built) this.#call(() => durable?.(), 'memory could not be moved on after a commit')
    const changes = built.flatMap((each) => each.changes).sort((a, b) => a.position - b.position)
    if (changes.length > 0) this.#followers.tell('memory', changes)
    for (const { waiting, result } of built) waiting.resolve(result)
    if (changes.length === 0) return
    for (const phase of commitPhases) if (phase !== 'memory') this.#followers.tell(phase, changes)
  }

  #call(tell: () => void, failure: string): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error({ err: error }, failure)
    }
  }
}

/** The unit whose insert the error names; undefined where it names none. */
function indexOfRepeated(built: readonly Built[], error: unknown): number | undefined {
  if (!(error instanceof AlreadyExistsError) || error.recordId === undefined) return undefined
  const { recordId } = error
  const isNamed = (write: Write) => write.op === 'insert' && textOf(write.table, write.row.id) === recordId
  const at = built.findIndex(({ writes }) => writes.some(isNamed))
  return at < 0 ? undefined : at
}

/** A record ID as the engine spells it, of plain parts in a list; of others anything else. */
const textOf = (table: string, id: RowId): string =>
  typeof id === 'object'
    ? `${table}:[${id.map((part) => (typeof part === 'string' ? `'${part}'` : part)).join(', ')}]`
    : `${table} ${id}`
