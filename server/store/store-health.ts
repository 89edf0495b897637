/**
 * Whether the store may be written to, and when its process must be replaced.
 *
 * `full`: the disk has little room left. Writes are refused before the engine sees them, reading goes on, and it
 * ends by itself when there is room again.
 * `failed`: a transaction ended in a way that does not say what became of it, or not at all. The engine may now show
 * rows that will be gone when it is opened again, and it cannot be opened twice in one process; so nothing is read
 * or written any more, and `onFailed` tells the host to give the process up: at once, or, where the disk was full,
 * when there is room again.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'
import { isOutOfSpace, StoreUnavailableError, TransactionStuckError } from './errors.js'
import { enoughFreeBytes, leastFreeBytes } from './free-space.js'

export type StoreCondition =
  | { status: 'ok' }
  /** `reason` is a sentence for people. */
  | { status: 'full' | 'failed'; reason: string }

export type StoreHealthNeeds = {
  clock: Clock
  logger: Logger
  /** Bytes free for the database; undefined where that cannot be known or does not matter (a remote one). */
  readFreeBytes(): number | undefined
}

const ok: StoreCondition = { status: 'ok' }
const fullReason = 'The disk that holds the database is full; nothing can be saved until there is room again.'
const pollMs = 1_000

export class StoreHealth {
  readonly #needs: StoreHealthNeeds
  readonly #handlers: ((reason: string) => void)[] = []
  #condition: StoreCondition = ok
  /** Set when the process is to be given up now. */
  #leaves: string | undefined
  #poll: Timer | undefined

  constructor(needs: StoreHealthNeeds) {
    this.#needs = needs
  }

  /** As of now; looks at the disk. */
  get condition(): StoreCondition {
    if (this.#condition.status !== 'failed') this.#lookAtDisk()
    return this.#condition
  }

  /** Why nothing may be written now; undefined where it may. */
  writeRefusal(): StoreUnavailableError | undefined {
    const { condition } = this
    return condition.status === 'ok' ? undefined : new StoreUnavailableError(condition.reason)
  }

  /** Why nothing may be read any more; undefined where it may. */
  readRefusal(): StoreUnavailableError | undefined {
    return this.#condition.status === 'failed' ? new StoreUnavailableError(this.#condition.reason) : undefined
  }

  get hasFailed(): boolean {
    return this.#condition.status === 'failed'
  }

  /**
   * Ends the use of this engine. The first cause counts.
   *
   * @param during what was tried, for the log: tables, rows and bytes, never content
   */
  fail(cause: unknown, during: Record<string, unknown>): void {
    if (this.#condition.status === 'failed') return
    const isFull = isOutOfSpace(cause)
    const reason = isFull ? fullReason : reasonOf(cause)
    this.#condition = { status: 'failed', reason }
    this.#needs.logger.fatal({ err: cause, ...during }, 'the database cannot be used any more; a fresh start is needed')
    if (isFull && !this.#isRoomy()) this.#poll = this.#needs.clock.every(pollMs, () => this.#isRoomy() && this.#leave())
    else this.#leave()
  }

  /** Called once, when the process is to be given up; at once if that has come already. */
  onFailed(handler: (reason: string) => void): void {
    if (this.#leaves === undefined) this.#handlers.push(handler)
    else handler(this.#leaves)
  }

  close(): void {
    this.#poll?.cancel()
  }

  #leave(): void {
    this.#poll?.cancel()
    if (this.#leaves !== undefined || this.#condition.status !== 'failed') return
    this.#leaves = this.#condition.reason
    for (const handler of this.#handlers) handler(this.#leaves)
  }

  #lookAtDisk(): void {
    const free = this.#needs.readFreeBytes()
    if (free === undefined) return
    if (this.#condition === ok) {
      if (free >= leastFreeBytes) return
      this.#condition = { status: 'full', reason: fullReason }
      this.#needs.logger.error({ free }, 'the disk is full: writes are refused')
    } else if (free >= enoughFreeBytes) {
      this.#condition = ok
      this.#needs.logger.warn({ free }, 'there is room on the disk again: writes are taken')
    }
  }

  #isRoomy(): boolean {
    return (this.#needs.readFreeBytes() ?? Number.POSITIVE_INFINITY) >= enoughFreeBytes
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof TransactionStuckError
    ? 'The database has stopped taking writes; the server is starting afresh.'
    : 'The database could not be written to; the server is starting afresh.'
}
