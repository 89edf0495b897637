/**
 * A server name taken apart.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#server-name
 */
import { isIP } from 'node:net'
import type { ServerName } from '../kernel/identifiers.js'

export type ServerNameParts = {
  /** DNS name, IPv4 literal, or IPv6 literal without brackets. */
  host: string
  port?: number
  isIpLiteral: boolean
}

/** @returns undefined where the port is out of range or brackets hold no IPv6 address: such a name leads nowhere */
export function partsOfServerName(serverName: ServerName | string): ServerNameParts | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(serverName)
  if (!match) return undefined
  const [, ipv6, name, portText] = match
  if (ipv6 !== undefined && isIP(ipv6) !== 6) return undefined
  const port = portText === undefined ? undefined : Number(portText)
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined
  const host = ipv6 ?? name!
  return { host, isIpLiteral: isIP(host) !== 0, ...(port !== undefined && { port }) }
}

/** The host as it stands in a URL or Host header. */
export const bracketed = (host: string) => (isIP(host) === 6 ? `[${host}]` : host)
