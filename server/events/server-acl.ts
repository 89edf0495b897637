/**
 * Server ACLs: which servers may take part in a room.
 *
 * They are no auth rules: they are applied to requests, to each PDU received, and to typing and
 * receipt EDUs.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-access-control-lists-acls-for-rooms
 */
import { globMatches } from './glob.js'
import type { JsonObject } from './pdu.js'

/** @param content of the room's `m.room.server_acl` event, undefined where it has none: then all may */
export function isServerAllowed(content: JsonObject | null | undefined, serverName: string): boolean {
  if (!content) return true
  const host = hostOf(serverName)
  if (content.allow_ip_literals === false && isIpLiteral(host)) return false
  return !matchesAny(content.deny, host) && matchesAny(content.allow, host)
}

const hostOf = (serverName: string) => serverName.replace(/:[0-9]{1,5}$/, '').toLowerCase()

const isIpLiteral = (host: string) => host.startsWith('[') || /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(host)

function matchesAny(patterns: unknown, host: string): boolean {
  if (!Array.isArray(patterns)) return false
  return patterns.some((pattern) => typeof pattern === 'string' && globMatches(pattern.toLowerCase(), host))
}
