/** What the server says of itself and of this account: read once per sign-in. */
import { useEffect } from 'react'
import { useServices } from '../../app/services.js'
import { makeStore, useStore } from '../../live/store.js'
import { readServerInfo, type ServerInfo } from './admin-api.js'

type Known = { of?: object; info?: ServerInfo | undefined; isFailed?: boolean }
const store = makeStore<Known>({})

/** @returns undefined until the server has said; after a failure it is asked again every few seconds */
export function useServerInfo(): ServerInfo | undefined {
  const { matrix } = useServices()
  const { of, info, isFailed } = useStore(store)
  useEffect(() => {
    if (store.get().of === matrix && !isFailed) return
    const ask = () => {
      store.set({ of: matrix })
      readServerInfo(matrix.http).then(
        (read) => store.set({ of: matrix, info: read }),
        () => store.set({ of: matrix, isFailed: true }),
      )
    }
    if (!isFailed) return ask()
    const timer = setTimeout(ask, 3_000)
    return () => clearTimeout(timer)
  }, [matrix, isFailed])
  return of === matrix ? info : undefined
}

/** @returns undefined while it is not known */
export const useAdmin = (): boolean | undefined => useServerInfo()?.is_admin
