/**
 * A cache of what the database says that cannot go back in time.
 *
 * A load that was under way when its key changed is never kept: its answer may be from before the change. So
 * `set` and `delete`, called when a change is durable, win over every load begun earlier, and who waits for such a
 * load gets what is true afterwards. Bounded in bytes; the least recently used go first.
 */
import { LRUCache } from 'lru-cache'

/** Keys whose answer may be of the past; filled while the load runs. */
type Load = { stale: boolean }

export type Loaded<K, V> = { key: K; value: V; bytes: number }

/** All caches of the process. A server that is closed leaves none behind. */
const named = new Map<string, Set<WeakRef<{ readonly bytes: number }>>>()

/** What the caches of each name keep, in bytes. */
export function cacheBytes(): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const [name, caches] of named) {
    let bytes = 0
    for (const each of caches) {
      const cache = each.deref()
      if (cache) bytes += cache.bytes
      else caches.delete(each)
    }
    if (caches.size > 0) sizes[name] = bytes
    else named.delete(name)
  }
  return sizes
}

export class VersionedCache<K extends {}, V extends {}> {
  readonly #kept: LRUCache<K, V>
  readonly #loads = new Map<K, Set<Load>>()
  /** Loads of single keys, shared by all who ask before the key changes. */
  readonly #shared = new Map<K, Promise<V | undefined>>()

  /** @param name under which its size is shown (`cacheBytes`) */
  constructor(name: string, maxBytes: number) {
    const caches = named.get(name) ?? new Set()
    named.set(name, caches.add(new WeakRef(this)))
    this.#kept = new LRUCache<K, V>({ maxSize: maxBytes })
  }

  /** What is kept, without a load. */
  peek(key: K): V | undefined {
    return this.#kept.get(key)
  }

  /** Keeps what is true now. */
  set(key: K, value: V, bytes: number): void {
    this.#outdate(key)
    this.#kept.set(key, value, { size: Math.max(1, Math.ceil(bytes)) })
  }

  /** Forgets the key: it changed. */
  delete(key: K): void {
    this.#outdate(key)
    this.#kept.delete(key)
  }

  /** What is kept, by the sizes that were given for it. */
  get bytes(): number {
    return this.#kept.calculatedSize
  }

  keys(): Iterable<K> {
    return this.#kept.keys()
  }

  /** Keys that are kept or on their way: all others are read anew when they are asked for. */
  keysInUse(): Set<K> {
    return new Set([...this.#kept.keys(), ...this.#loads.keys()])
  }

  values(): Iterable<V> {
    return this.#kept.values()
  }

  /** One value, loaded where it is not kept; undefined where there is none, which is not kept. */
  async get(key: K, load: () => Promise<{ value: V; bytes: number } | undefined>): Promise<V | undefined> {
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const running = this.#shared.get(key)
    if (running) return running
    const run = this.getMany([key], async () => {
      const found = await load()
      return found ? [{ key, ...found }] : []
    }).then((values) => values.get(key))
    this.#shared.set(key, run)
    const done = () => {
      if (this.#shared.get(key) === run) this.#shared.delete(key)
    }
    run.then(done, done)
    return run
  }

  /**
   * Several at once; those that are not kept are asked of `load` together.
   *
   * @returns what there is, by key
   */
  async getMany(keys: Iterable<K>, load: (missing: K[]) => Promise<Loaded<K, V>[]>): Promise<Map<K, V>> {
    const found = new Map<K, V>()
    let missing = new Set<K>()
    for (const key of keys) {
      const known = this.#kept.get(key)
      if (known === undefined) missing.add(key)
      else found.set(key, known)
    }
    while (missing.size > 0) {
      const loads = new Map([...missing].map((key) => [key, this.#begin(key)]))
      const again = new Set<K>()
      try {
        for (const { key, value, bytes } of await load([...missing])) {
          if (loads.get(key)?.stale !== false) continue
          this.#kept.set(key, value, { size: Math.max(1, Math.ceil(bytes)) })
          found.set(key, value)
        }
        for (const [key, { stale }] of loads) {
          if (!stale) continue
          const now = this.#kept.get(key)
          if (now === undefined) again.add(key)
          else found.set(key, now)
        }
      } finally {
        for (const [key, entry] of loads) this.#end(key, entry)
      }
      missing = again
    }
    return found
  }

  #begin(key: K): Load {
    const load = { stale: false }
    const others = this.#loads.get(key)
    if (others) others.add(load)
    else this.#loads.set(key, new Set([load]))
    return load
  }

  #end(key: K, load: Load): void {
    const loads = this.#loads.get(key)
    loads?.delete(load)
    if (loads?.size === 0) this.#loads.delete(key)
  }

  #outdate(key: K): void {
    for (const load of this.#loads.get(key) ?? []) load.stale = true
    this.#shared.delete(key) // who asks from now on must not get what was begun before
  }
}
