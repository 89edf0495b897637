/**
 * Access, refresh, OpenID, login, mail and invitation tokens: random, opaque, and known to the server by their hash alone.
 *
 * They have 256 random bits, so a plain SHA-256 is enough: there is nothing to guess.
 */
import { createHash } from 'node:crypto'
import { randomSecret } from '../kernel/clock.js'

export type NewToken = { token: string; hash: string }

/** Lookup hash, URL-safe base64: the id of the token's row. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

const prefixes = { access: 'hta', refresh: 'htr', openid: 'hto', login: 'htl', mail: 'htm', invitation: 'hti' } as const

/** Prefixes make a leaked token recognisable to scanners. */
export function newToken(kind: keyof typeof prefixes): NewToken {
  const token = `${prefixes[kind]}_${randomSecret()}`
  return { token, hash: hashToken(token) }
}
