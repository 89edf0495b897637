/**
 * A budget over time: it fills at a steady rate up to its size, and what is spent is taken out afterwards, as
 * nobody knows before how long a query takes. So it may run into debt, and whoever is in debt waits until it is paid.
 */
import type { Clock } from './clock.js'

export type Budget = { size: number; perSecond: number }

export class Bucket {
  #level: number
  #at: number

  constructor(
    private readonly clock: Clock,
    private readonly budget: Budget,
  ) {
    this.#level = budget.size
    this.#at = clock.elapsed()
  }

  spend(amount: number): void {
    this.#fill()
    this.#level -= amount
  }

  get isFull(): boolean {
    this.#fill()
    return this.#level >= this.budget.size
  }

  /** Milliseconds until the debt is paid; 0 where there is none. */
  get debtMs(): number {
    this.#fill()
    return this.#level > 0 ? 0 : Math.ceil((-this.#level / this.budget.perSecond) * 1000) + 1
  }

  #fill(): void {
    const now = this.clock.elapsed()
    this.#level = Math.min(this.budget.size, this.#level + ((now - this.#at) / 1000) * this.budget.perSecond)
    this.#at = now
  }
}
