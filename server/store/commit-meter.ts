/** What the commit queue measures about itself, as plain numbers for the dashboard and `/metrics`. */

export type CommitMetrics = {
  batches: number
  units: number
  rows: number
  /** Units whose caller got an error. */
  failedUnits: number
  /** Batches that ran again after a conflict. */
  retries: number
  /** Bytes of the largest batch so far. */
  largestBytes: number
  /** Units not yet part of a batch. */
  waiting: number
  /** Bytes of the batch that is being committed. */
  bytesUnderWay: number
  /** How long the oldest unit that is not settled has waited, in milliseconds. */
  oldestMs: number
  /** True when the store takes no writes until the process is replaced. */
  hasFailed: boolean
  /** Over the last 256 batches, in milliseconds; 0 before the first. */
  commitMsP50: number
  commitMsP99: number
  /** Rows written in the last second that is over. */
  rowsPerSecond: number
}

/** What the queue knows and the meter does not. */
type Now = Pick<CommitMetrics, 'waiting' | 'bytesUnderWay' | 'oldestMs' | 'hasFailed'>

const remembered = 256

export class CommitMeter {
  failedUnits = 0
  retries = 0
  #batches = 0
  #units = 0
  #rows = 0
  #largestBytes = 0
  readonly #times: number[] = []
  /** Rows of the second under way and of the one before it. */
  #second = 0
  #rowsNow = 0
  #rowsBefore = 0

  committed(ms: number, units: number, rows: number, bytes: number): void {
    this.#largestBytes = Math.max(this.#largestBytes, bytes)
    this.#times[this.#batches % remembered] = ms
    this.#batches += 1
    this.#units += units
    this.#rows += rows
    this.#turn()
    this.#rowsNow += rows
  }

  read(now: Now): CommitMetrics {
    this.#turn()
    const sorted = [...this.#times].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return {
      batches: this.#batches,
      units: this.#units,
      rows: this.#rows,
      largestBytes: this.#largestBytes,
      failedUnits: this.failedUnits,
      retries: this.retries,
      ...now,
      commitMsP50: at(0.5),
      commitMsP99: at(0.99),
      rowsPerSecond: this.#rowsBefore,
    }
  }

  #turn(): void {
    const second = Math.floor(performance.now() / 1000)
    if (second === this.#second) return
    this.#rowsBefore = second === this.#second + 1 ? this.#rowsNow : 0
    this.#rowsNow = 0
    this.#second = second
  }
}
