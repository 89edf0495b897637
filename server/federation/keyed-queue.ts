/**
 * Runs jobs of one key in order and jobs of different keys side by side: a room that needs long does
 * not hold up another.
 */
export type KeyedQueue<Key> = {
  run<T>(key: Key, job: () => Promise<T>): Promise<T>
  /** Jobs of that key that wait or run. */
  waiting(key: Key): number
}

export function makeKeyedQueue<Key>(): KeyedQueue<Key> {
  const tails = new Map<Key, { last: Promise<unknown>; count: number }>()
  return {
    run<T>(key: Key, job: () => Promise<T>): Promise<T> {
      const entry = tails.get(key) ?? { last: Promise.resolve(), count: 0 }
      tails.set(key, entry)
      entry.count++
      const result = entry.last.then(job)
      const settle = () => {
        if (--entry.count === 0) tails.delete(key)
      }
      entry.last = result.then(settle, settle)
      return result
    },
    waiting: (key) => tails.get(key)?.count ?? 0,
  }
}
