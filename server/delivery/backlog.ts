/**
 * What waits for one destination: rows on disk, in the order of their positions, and in memory no more of
 * them than a window of the oldest.
 *
 * The disk is the truth and memory a short cut to it. Where nothing lies behind the window, what was just made
 * durable is put into it without a read; otherwise it is left on disk until its turn. So a queue that has just
 * been made after a restart, one whose destination is away and one that is too long are the same thing: a window
 * with something behind it. Whether something does is never guessed:
 *  - what is told while a page is being read is kept apart, and what the page lacks of it is added by position;
 *  - what a page brought already is not taken again when it is told;
 *  - rows leave the disk one by one by name, never "up to".
 *
 * One reader at a time (`peek`, `remove`, `thin`); `add` may be called at any moment.
 */
export type Queued = {
  /** Order within one destination, and what the row is known by. Greater than 0. */
  readonly position: number
}

export type BacklogStore<Item extends Queued> = {
  /** The oldest after `position` (exclusive), in order, at most `limit`. */
  load(after: number, limit: number): Promise<readonly Item[]>
  /** Deletes the rows of exactly these. */
  remove(items: readonly Item[]): Promise<void>
}

type Options = {
  maxInMemory: number
  /** Whether there may be rows from before. */
  mayHaveRows: boolean
}

const thinPage = 500

export class Backlog<Item extends Queued> {
  readonly #store: BacklogStore<Item>
  readonly #maxInMemory: number
  #window: Item[] = []
  /** Whether nothing lies on disk behind the window. */
  #isWhole: boolean
  /** What has this position or a lower one is in the window or gone. */
  #through = 0
  /** The highest position that was ever brought here: what is told up to it was read from the disk before. */
  #known = 0
  /** What is told while a page is being read. */
  #news: Item[] | undefined
  #length = 0

  constructor(store: BacklogStore<Item>, { maxInMemory, mayHaveRows }: Options) {
    this.#store = store
    this.#maxInMemory = maxInMemory
    this.#isWhole = !mayHaveRows
  }

  /** How many wait; an estimate while some of them have never been read. */
  get length(): number {
    return this.#length
  }

  get inMemory(): number {
    return this.#window.length
  }

  /** False only where certainly nothing waits. */
  get mayHaveSome(): boolean {
    return !this.#isWhole || this.#window.length > 0
  }

  /** How many rows there are at least, as counted by somebody else. */
  counted(rows: number): void {
    this.#length = Math.max(this.#length, rows)
  }

  /** Takes in what has just become durable. */
  add(item: Item): void {
    if (item.position <= this.#known) return
    this.#length++
    if (this.#news) {
      // One more than there can be room for is enough to know that there is no room.
      if (this.#news.length <= this.#maxInMemory) this.#news.push(item)
    } else if (this.#isWhole && this.#window.length < this.#maxInMemory) this.#push(item)
    else this.#isWhole = false
  }

  /** The oldest, at most `limit`; they stay until they are removed. */
  async peek(limit: number): Promise<readonly Item[]> {
    const wanted = Math.min(limit, this.#maxInMemory)
    while (this.#window.length < wanted && !this.#isWhole) await this.#fill()
    return this.#window.slice(0, limit)
  }

  async remove(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return
    await this.#store.remove(items)
    const gone = new Set(items.map(({ position }) => position))
    this.#window = this.#window.filter(({ position }) => !gone.has(position))
    this.#length = this.#isWhole ? this.#window.length : Math.max(0, this.#length - items.length)
  }

  /** Gives the memory back; the rows are read again when they are asked for. */
  release(): void {
    const first = this.#window[0]
    if (!first) return
    this.#through = first.position - 1
    this.#window = []
    this.#isWhole = false
  }

  /**
   * Keeps the newest of each key alone.
   *
   * @returns how many were dropped
   */
  async thin(keyOf: (item: Item) => string): Promise<number> {
    this.release()
    const newest = new Map<string, Item>()
    const lengthBefore = this.#length
    let dropped = 0
    for (let after = this.#through; ; ) {
      const page = await this.#store.load(after, thinPage)
      const superseded: Item[] = []
      for (const item of page) {
        const older = newest.get(keyOf(item))
        if (older) superseded.push(older)
        newest.set(keyOf(item), item)
      }
      if (superseded.length > 0) await this.#store.remove(superseded)
      dropped += superseded.length
      const last = page.at(-1)
      if (!last) break
      after = last.position
      this.#known = Math.max(this.#known, after)
      if (page.length < thinPage) break
    }
    this.#length = newest.size + (this.#length - lengthBefore)
    return dropped
  }

  async #fill(): Promise<void> {
    const wanted = this.#maxInMemory - this.#window.length
    const news: Item[] = []
    this.#news = news
    try {
      const page = await this.#store.load(this.#through, wanted)
      for (const item of page) this.#push(item)
      this.#isWhole = page.length < wanted
    } finally {
      this.#news = undefined
    }
    for (const item of news) {
      if (item.position <= this.#through) continue
      if (this.#isWhole && this.#window.length < this.#maxInMemory) this.#push(item)
      else this.#isWhole = false
    }
    if (this.#isWhole) this.#length = this.#window.length
  }

  #push(item: Item): void {
    this.#window.push(item)
    this.#through = item.position
    this.#known = Math.max(this.#known, item.position)
  }
}
