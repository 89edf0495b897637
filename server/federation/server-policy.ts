/**
 * Whom this server talks to at all: `federation.allowed_servers` and `federation.denied_servers`.
 *
 * The lists name servers, not hosts: ports count. A denial wins over an allowance.
 */
import type { ServerName } from '../kernel/identifiers.js'

export type IsServerAllowed = (serverName: ServerName) => boolean

export function makeIsServerAllowed(config: {
  server_name?: ServerName | undefined
  federation: { allowed_servers?: readonly ServerName[] | undefined; denied_servers: readonly ServerName[] }
}): IsServerAllowed {
  const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()))
  const allowed = config.federation.allowed_servers && lower(config.federation.allowed_servers)
  const denied = lower(config.federation.denied_servers)
  return (serverName) => {
    const name = serverName.toLowerCase()
    return !denied.has(name) && (allowed === undefined || allowed.has(name))
  }
}
