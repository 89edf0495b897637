/**
 * Shared and exclusive locks on tables, first come first served.
 *
 * A request waits only for those before it that touch one of its tables and are exclusive, or that it
 * excludes. All tables of a request are taken at once, so requests cannot block each other in a circle.
 */
export type LockRequest = {
  /** Undefined: all tables. */
  tables: ReadonlySet<string> | undefined
  exclusive: boolean
}
type Entry = LockRequest & { isRunning: boolean; start(): void }

export class TableLock {
  /** Running and waiting requests, in the order they came. */
  readonly #entries: Entry[] = []

  /** Runs `work` while the lock is held; what it throws is passed on. */
  async run<T>(request: LockRequest, work: () => Promise<T>): Promise<T> {
    const entry = await this.#acquire(request)
    try {
      return await work()
    } finally {
      this.#entries.splice(this.#entries.indexOf(entry), 1)
      this.#startNext()
    }
  }

  #acquire(request: LockRequest): Promise<Entry> {
    return new Promise((resolve) => {
      const entry: Entry = { ...request, isRunning: false, start: () => resolve(entry) }
      this.#entries.push(entry)
      this.#startNext()
    })
  }

  #startNext(): void {
    for (const [index, entry] of this.#entries.entries()) {
      if (entry.isRunning || this.#entries.slice(0, index).some((earlier) => conflicts(earlier, entry))) continue
      entry.isRunning = true
      entry.start()
    }
  }
}

const conflicts = (a: LockRequest, b: LockRequest) => (a.exclusive || b.exclusive) && intersects(a.tables, b.tables)

function intersects(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  if (!a || !b) return true
  for (const table of a) if (b.has(table)) return true
  return false
}
