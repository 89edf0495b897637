/** The last delays of something, in milliseconds, and their quantiles: a ring of numbers, nothing per call. */
const remembered = 128

export class Delays {
  readonly #ring: number[] = []
  #next = 0

  add(ms: number): void {
    this.#ring[this.#next] = ms
    this.#next = (this.#next + 1) % remembered
  }

  /** @param share 0 to 1; 0 is returned before the first delay */
  quantile(share: number): number {
    if (this.#ring.length === 0) return 0
    const sorted = [...this.#ring].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
  }
}

/** When the last few thousand stream positions became durable, to tell how late their rows reach a client. */
export class CommitTimes {
  readonly #positions = new Float64Array(4096)
  readonly #times = new Float64Array(4096)

  /** @param at monotonic milliseconds */
  note(position: number, at: number): void {
    this.#positions[position % 4096] = position
    this.#times[position % 4096] = at
  }

  /** Monotonic milliseconds; undefined for a position that is too old to be remembered. */
  at(position: number): number | undefined {
    return this.#positions[position % 4096] === position ? this.#times[position % 4096] : undefined
  }
}
