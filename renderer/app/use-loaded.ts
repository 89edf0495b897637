/** Something read over HTTP, with its waiting and its failure. */
import { useCallback, useEffect, useRef, useState } from 'react'

export type Loaded<Value> = {
  /** What was read last; kept while it is read again. */
  value: Value | undefined
  error: unknown
  isLoading: boolean
  reload(): void
  /** What is known without asking, e.g. after a change. */
  change(change: (value: Value) => Value): void
}

/**
 * @param key reads anew when it changes
 * @param delayMs waits so long first: for a search that is being typed
 */
export function useLoaded<Value>(read: () => Promise<Value>, key: string, delayMs = 0): Loaded<Value> {
  const [state, setState] = useState<{ value?: Value; error?: unknown; isLoading: boolean }>({ isLoading: true })
  const [round, setRound] = useState(0)
  const reader = useRef(read)
  reader.current = read
  const isFirst = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: key and round say when to read
  useEffect(() => {
    let isWanted = true
    setState((before) => ({ ...before, isLoading: true }))
    const start = () =>
      reader.current().then(
        (value) => isWanted && setState({ value, isLoading: false }),
        (error: unknown) => isWanted && setState((before) => ({ ...before, error, isLoading: false })),
      )
    const timer = setTimeout(start, isFirst.current ? 0 : delayMs)
    isFirst.current = false
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [key, round, delayMs])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  const change = useCallback(
    (apply: (value: Value) => Value) =>
      setState((before) => (before.value === undefined ? before : { ...before, value: apply(before.value) })),
    [],
  )
  return { value: state.value, error: state.error, isLoading: state.isLoading, reload, change }
}
