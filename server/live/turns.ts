/** So many at once; the rest wait in the order they came. */
export class Turns {
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(private readonly most: number) {}

  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting.length === 0
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.most) await new Promise<void>((next) => this.#waiting.push(next))
    else this.#running++
    try {
      return await work()
    } finally {
      // The turn passes on; it is only given back where nobody waits.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
