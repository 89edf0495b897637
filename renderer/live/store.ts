/** A value that components can watch: the whole state library. */
import { useSyncExternalStore } from 'react'

export type Store<Value> = {
  get(): Value
  set(next: Value): void
  update(change: (value: Value) => Value): void
  subscribe(listener: () => void): () => void
}

export function makeStore<Value>(initial: Value): Store<Value> {
  let value = initial
  const listeners = new Set<() => void>()
  const set = (next: Value) => {
    if (Object.is(next, value)) return
    value = next
    for (const listener of [...listeners]) listener()
  }
  return {
    get: () => value,
    set,
    update: (change) => set(change(value)),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** @param select must give the same object for the same value, else the component draws for ever */
export function useStore<Value>(store: Store<Value>): Value
export function useStore<Value, Part>(store: Store<Value>, select: (value: Value) => Part): Part
export function useStore<Value, Part>(store: Store<Value>, select?: (value: Value) => Part): Value | Part {
  return useSyncExternalStore(store.subscribe, () => (select ? select(store.get()) : store.get()))
}

/**
 * Collects calls and runs the work once, with the next frame: 200 rows a second must not mean 200
 * drawings. In a hidden window, where no frames come, within 100 ms.
 */
export function coalesce(work: () => void): () => void {
  let isPlanned = false
  return () => {
    if (isPlanned) return
    isPlanned = true
    const run = () => {
      if (!isPlanned) return
      isPlanned = false
      work()
    }
    if (typeof requestAnimationFrame === 'function') requestAnimationFrame(run)
    setTimeout(run, 100)
  }
}
