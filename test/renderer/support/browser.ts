/** What a browser gives its tabs: storage that they share, and locks that end with the tab. */
import type { MatrixHttp } from '../../../renderer/platform/matrix/http.js'

export function makeStorage() {
  const held = new Map<string, string>()
  return {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
    removeItem: (key: string) => void held.delete(key),
    key: (index: number) => [...held.keys()][index] ?? null,
    get length() {
      return held.size
    },
  }
}

export function makeLocks() {
  const tails = new Map<string, Promise<unknown>>()
  const ends = new Map<string, () => void>()
  const navigator = (tab: string) => {
    const closed = new Promise<void>((resolve) => ends.set(tab, resolve))
    return {
      locks: {
        request: (name: string, ...given: [() => unknown] | [object, () => unknown]) => {
          const work = given.at(-1) as () => unknown
          const run = (tails.get(name) ?? Promise.resolve()).then(() => Promise.race([work(), closed]))
          tails.set(
            name,
            run.catch(() => undefined),
          )
          return run
        },
      },
    }
  }
  return { navigator, closeTab: (tab: string) => ends.get(tab)?.() }
}

export const whoAmI = (http: MatrixHttp) => http.request<object>('GET', '/_matrix/client/v3/account/whoami')
