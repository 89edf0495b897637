/**
 * Writes to the live tables: a lane of its own beside the commit queue, and the lock of live queries.
 *
 * Live queries see what is written as one `BEGIN … COMMIT` query and nothing of what an interactive
 * transaction commits; `silent` uses that for bulk. A live query that is registered or killed while a
 * write to its table is in flight may be dead from birth, or a dead one revived: the engine then puts an
 * old list of them back. So registration waits until no writer is under way, and writers wait behind it.
 */
import { type Clock, pause } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import { emptyTable } from './empty-table.js'
import { DatabaseError, isNothingWritten } from './errors.js'
import { killAllLives, repairLiveTables } from './live-repair.js'
import type { Rpc } from './rpc.js'
import { settleInTime } from './settle-in-time.js'
import { runSilently } from './silent-transaction.js'
import type { StoreHealth } from './store-health.js'
import { TableLock } from './table-lock.js'
import { checkNames, type PlannedQuery, WritePlan } from './write-plan.js'
import { checkSize, inPieces, sizeOfWrites, transactionLimits } from './write-size.js'
import type { Write } from './writes.js'

export type WriteLiveOptions = {
  /** True: live queries are not told, and writing costs the same however many there are. */
  silent?: boolean
}

export type LiveTables = {
  /**
   * Writes all of `writes` in one transaction, outside the commit queue. What is too large for one goes in several,
   * in the given order: a mark that is its last write moves when all the others are durable. On a full disk it
   * waits until there is room.
   *
   * @throws DatabaseError when a statement failed; nothing of its transaction is written then
   */
  writeLive(writes: readonly Write[], options?: WriteLiveOptions): Promise<void>
  /** Deletes every row of a live table, silently and in pieces. @param signal ends it after the piece under way */
  empty(table: string, signal?: AbortSignal): Promise<void>
  /**
   * Runs `work` (LIVE or KILL, with the SELECT that goes with it) while nothing writes to `tables`.
   *
   * @param tables the tables it registers on; undefined stops the writers of all live tables
   */
  withWritersPaused<T>(tables: readonly string[] | undefined, work: () => Promise<T>): Promise<T>
}

const maxAttempts = 20
const maxPauseMs = 50
/** Between looks at a disk that is full. */
const fullPauseMs = 1_000

export type LiveWriterNeeds = {
  rpc: Rpc
  schemafull: ReadonlySet<string>
  /** Tables from `findTablesToRepair`. */
  toRepair: readonly string[]
  health: StoreHealth
  clock: Clock
  logger: Logger
}

export class LiveWriter implements LiveTables {
  readonly #needs: LiveWriterNeeds
  readonly #lock = new TableLock()
  readonly #closing = new AbortController()
  /** Resolves when the tables are free of what a crashed run left; writers and registrations wait for it. */
  readonly ready: Promise<void>

  constructor(needs: LiveWriterNeeds) {
    this.#needs = needs
    const { rpc, toRepair, logger } = needs
    const repair = () => repairLiveTables(rpc, toRepair, logger, this.#closing.signal)
    // Logged and not thrown: with leftovers the tables still work, only slower.
    this.ready =
      toRepair.length === 0
        ? Promise.resolve()
        : this.withWritersPaused(undefined, repair).catch((error: unknown) =>
            logger.error({ err: error }, 'live tables could not be cleared of a run that crashed'),
          )
  }

  async writeLive(writes: readonly Write[], { silent = false }: WriteLiveOptions = {}): Promise<void> {
    if (writes.length === 0) return
    checkNames(writes)
    const { bytes, rows } = sizeOfWrites(writes)
    const isLarge = bytes > transactionLimits.bytes || rows > transactionLimits.rows
    for (const piece of isLarge ? inPieces(writes) : [writes]) await this.#writePiece(piece, silent)
  }

  async #writePiece(writes: readonly Write[], silent: boolean): Promise<void> {
    checkSize(sizeOfWrites(writes))
    const plan = new WritePlan(this.#needs.schemafull)
    for (const write of writes) plan.add(write)
    const query = plan.toQuery()
    await this.#untilWritable()
    await this.#lock.run({ tables: plan.tables, exclusive: false }, () =>
      retrying(() =>
        settleInTime(
          silent ? runSilently(this.#needs.rpc, query.sql, query.bindings) : this.#run(query),
          this.#needs.clock,
        ),
      ).catch((error: unknown) => {
        if (!isNothingWritten(error))
          this.#needs.health.fail(error, { live: true, rows: query.rows, tables: plan.summary() })
        throw this.#needs.health.readRefusal() ?? error
      }),
    )
  }

  async empty(table: string, signal?: AbortSignal): Promise<void> {
    await this.#untilWritable()
    await this.#lock.run({ tables: new Set([table]), exclusive: false }, () =>
      emptyTable(this.#needs.rpc, table, signal),
    )
  }

  async #untilWritable(): Promise<void> {
    for (;;) {
      const refusal = this.#needs.health.writeRefusal()
      if (!refusal) return
      if (this.#needs.health.hasFailed || this.#closing.signal.aborted) throw refusal
      await new Promise<void>((resolve) => this.#needs.clock.after(fullPauseMs, resolve))
    }
  }

  withWritersPaused<T>(tables: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
    return this.#lock.run({ tables: tables && new Set(tables), exclusive: true }, work)
  }

  /** Waits for writers under way, then ends every live query, so that none is left on disk. */
  async close(): Promise<void> {
    this.#closing.abort()
    if (this.#needs.health.hasFailed) return
    await this.withWritersPaused(undefined, () => killAllLives(this.#needs.rpc))
  }

  async #run({ sql, bindings }: PlannedQuery): Promise<void> {
    await this.#needs.rpc.query(`BEGIN;${sql};COMMIT`, bindings)
  }
}

async function retrying(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof DatabaseError && error.isRetryable) || attempt === maxAttempts) throw error
      await pause(Math.min(maxPauseMs, 2 ** attempt))
    }
  }
}
