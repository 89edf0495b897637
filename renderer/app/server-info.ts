/**
 * What the server says of itself and of this account to who is signed in: read once per sign-in, and again after what
 * changes it.
 */
import { useEffect } from 'react'
import { makeStore, useStore } from '../live/store.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import { useServices } from './services.js'

export type ServerInfo = {
  server_name: string
  version: string
  federation: boolean
  public_baseurl?: string
  is_admin: boolean
  /** The password was handed out by an administrator. */
  must_change_password: boolean
  /** ms since the epoch */
  started_at: number
  /** For admins alone. */
  data_dir?: string
}

type Known = { of?: object; info?: ServerInfo | undefined; error?: unknown }
const store = makeStore<Known>({})

const readServerInfo = (http: MatrixHttp) => http.request<ServerInfo>('GET', '/_hearth/client/v1/server_info')

/** What was heard last stays until something newer is. */
function ask(matrix: { http: MatrixHttp }): void {
  const before = store.get()
  store.set({ of: matrix, ...(before.of === matrix && before.info ? { info: before.info } : {}) })
  readServerInfo(matrix.http).then(
    (info) => store.set({ of: matrix, info }),
    (error: unknown) => store.set({ ...store.get(), of: matrix, error }),
  )
}

const retryMs = 3_000

/** @returns `info` undefined until the server has said; after a failure it is asked again every few seconds */
export function useServerSays(): { info: ServerInfo | undefined; error: unknown; askAgain: () => void } {
  const { matrix } = useServices()
  const { of, info, error } = useStore(store)
  useEffect(() => {
    if (store.get().of !== matrix) return ask(matrix)
    if (error === undefined) return
    const timer = setTimeout(() => ask(matrix), retryMs)
    return () => clearTimeout(timer)
  }, [matrix, error])
  const isOurs = of === matrix
  return { info: isOurs ? info : undefined, error: isOurs ? error : undefined, askAgain: () => ask(matrix) }
}

export const useServerInfo = (): ServerInfo | undefined => useServerSays().info

/** @returns undefined while it is not known */
export const useAdmin = (): boolean | undefined => useServerInfo()?.is_admin
