/**
 * Writes to the live tables: a lane of its own beside the commit queue, and the lock of live queries.
 *
 * Live queries see what is written as one `BEGIN … COMMIT` query and nothing of what an interactive
 * transaction commits; `silent` uses that for bulk. A live query that is registered or killed while a
 * write to its table is in flight may be dead from birth, or a dead one revived: the engine then puts an
 * old list of them back. So registration waits until no writer is under way, and writers wait behind it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Uuid } from 'surrealdb'
import type { Logger } from '../kernel/logger.js'
import { DatabaseError } from './errors.js'
import { killAllLives, repairLiveTables } from './live-repair.js'
import type { Rpc } from './rpc.js'
import { TableLock } from './table-lock.js'
import { checkNames, type PlannedQuery, WritePlan } from './write-plan.js'
import type { Write } from './writes.js'

export type WriteLiveOptions = {
  /** True: live queries are not told, and writing costs the same however many there are. */
  silent?: boolean
}

export type LiveTables = {
  /**
   * Writes all of `writes` in one transaction, outside the commit queue.
   *
   * @throws DatabaseError when a statement failed; nothing is written then
   */
  writeLive(writes: readonly Write[], options?: WriteLiveOptions): Promise<void>
  /**
   * Runs `work` (LIVE or KILL, with the SELECT that goes with it) while nothing writes to `tables`.
   *
   * @param tables the tables it registers on; undefined stops the writers of all live tables
   */
  withWritersPaused<T>(tables: readonly string[] | undefined, work: () => Promise<T>): Promise<T>
}

const maxAttempts = 20
const maxPauseMs = 50

export class LiveWriter implements LiveTables {
  readonly #rpc: Rpc
  readonly #schemafull: ReadonlySet<string>
  readonly #lock = new TableLock()
  readonly #closing = new AbortController()
  /** Resolves when the tables are free of what a crashed run left; writers and registrations wait for it. */
  readonly ready: Promise<void>

  /** @param toRepair tables from `findTablesToRepair` */
  constructor(rpc: Rpc, schemafull: ReadonlySet<string>, toRepair: readonly string[], logger: Logger) {
    this.#rpc = rpc
    this.#schemafull = schemafull
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
    const plan = new WritePlan(this.#schemafull)
    for (const write of writes) plan.add(write)
    const query = plan.toQuery()
    await this.#lock.run({ tables: plan.tables, exclusive: false }, () =>
      retrying(() => (silent ? this.#runSilently(query) : this.#run(query))),
    )
  }

  withWritersPaused<T>(tables: readonly string[] | undefined, work: () => Promise<T>): Promise<T> {
    return this.#lock.run({ tables: tables && new Set(tables), exclusive: true }, work)
  }

  /** Waits for writers under way, then ends every live query, so that none is left on disk. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.withWritersPaused(undefined, () => killAllLives(this.#rpc))
  }

  async #run({ sql, bindings }: PlannedQuery): Promise<void> {
    await this.#rpc.query(`BEGIN;${sql};COMMIT`, bindings)
  }

  async #runSilently({ sql, bindings }: PlannedQuery): Promise<void> {
    const txn = await this.#rpc.call<Uuid>('begin', [])
    try {
      await this.#rpc.query(sql, bindings, { txn })
      await this.#rpc.call('commit', [txn])
    } catch (error) {
      // The first error is the one that matters; after a failed commit there is nothing left to cancel.
      await this.#rpc.call('cancel', [txn]).catch(() => {})
      throw error
    }
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
