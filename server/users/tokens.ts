/**
 * Access and refresh tokens: random, opaque, and known to the server by their hash alone.
 *
 * They have 256 random bits, so a plain SHA-256 is enough: there is nothing to guess.
 */
import { createHash } from 'node:crypto'
import { randomSecret } from '../kernel/clock.js'

export type NewToken = { token: string; hash: string }

/** Lookup hash, URL-safe base64: the id of the token's row. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** Prefixes make a leaked token recognisable to scanners. */
export function newToken(kind: 'access' | 'refresh'): NewToken {
  const token = `${kind === 'access' ? 'hta' : 'htr'}_${randomSecret()}`
  return { token, hash: hashToken(token) }
}
