/** The host that a request says it is for. */
import { isIPv4 } from 'node:net'

/** The host of `host[:port]` in lower case, as URLs spell it; undefined for what is none. */
export function hostNameOf(authority: string | undefined): string | undefined {
  if (!authority || !URL.canParse(`http://${authority}`)) return undefined
  const url = new URL(`http://${authority}`)
  return url.pathname === '/' && !url.username && !url.search ? url.hostname : undefined
}

/** @param host as `hostNameOf` gives it */
export const isLoopbackHost = (host: string) =>
  host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
