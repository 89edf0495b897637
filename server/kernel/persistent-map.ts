/**
 * A map that is never changed in place: `with` gives a new one that shares almost all of the old.
 *
 * Two layers: a large one that many maps share, and a small one of what changed since. The small one is copied
 * with each change and poured into a new large one when it has grown to the square root of that, so a change in a
 * map of n entries costs about √n and a look-up two.
 */
const gone = Symbol('gone')

export class PersistentMap<K, V> implements ReadonlyMap<K, V> {
  readonly #base: ReadonlyMap<K, V>
  readonly #changes: ReadonlyMap<K, V | typeof gone>
  readonly size: number

  private constructor(base: ReadonlyMap<K, V>, changes: ReadonlyMap<K, V | typeof gone>, size: number) {
    this.#base = base
    this.#changes = changes
    this.size = size
  }

  /** The map must not be changed afterwards. */
  static of<K, V>(map: ReadonlyMap<K, V> = new Map()): PersistentMap<K, V> {
    return map instanceof PersistentMap ? map : new PersistentMap(map, new Map(), map.size)
  }

  get(key: K): V | undefined {
    const changed = this.#changes.get(key)
    if (changed !== undefined) return changed === gone ? undefined : changed
    return this.#base.get(key)
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /** A map in which these keys have these values; undefined takes a key away. */
  with(entries: Iterable<readonly [K, V | undefined]>): PersistentMap<K, V> {
    const changes = new Map(this.#changes)
    let { size } = this
    for (const [key, value] of entries) {
      const known = changes.get(key)
      const before = known === undefined ? this.#base.get(key) : known === gone ? undefined : known
      size += Number(value !== undefined) - Number(before !== undefined)
      if (value === undefined && !this.#base.has(key)) changes.delete(key)
      else changes.set(key, value === undefined ? gone : value)
    }
    if (changes.size <= Math.max(16, Math.sqrt(this.#base.size))) return new PersistentMap(this.#base, changes, size)
    return PersistentMap.of(poured(this.#base, changes))
  }

  set(key: K, value: V): PersistentMap<K, V> {
    return this.with([[key, value]])
  }

  *entries(): MapIterator<[K, V]> {
    for (const entry of this.#base) if (!this.#changes.has(entry[0])) yield entry
    for (const [key, value] of this.#changes) if (value !== gone) yield [key, value]
  }

  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(each: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this)
  }
}

function poured<K, V>(base: ReadonlyMap<K, V>, changes: ReadonlyMap<K, V | typeof gone>): Map<K, V> {
  const map = new Map(base)
  for (const [key, value] of changes) {
    if (value === gone) map.delete(key)
    else map.set(key, value)
  }
  return map
}
