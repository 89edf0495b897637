/**
 * OpenID tokens by their hash: what proves to a third party, for an hour, who a user is.
 *
 * Schema: schema/migrations/0007-moderation.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type Write } from './writes.js'

/** `expires_at`: milliseconds since the epoch. */
export type OpenIdTokenRow = { user_id: UserId; expires_at: number }

export async function readOpenIdToken(db: Reader, hash: string): Promise<OpenIdTokenRow | undefined> {
  const [rows] = await db.query<[OpenIdTokenRow[]]>('SELECT * OMIT id FROM type::record("openid_token", $hash)', {
    hash,
  })
  return rows[0]
}

/** Hashes of at most `limit` tokens that expired before `before`. */
export async function readExpiredOpenIdTokens(db: Reader, before: number, limit: number): Promise<string[]> {
  const [hashes] = await db.query<[string[]]>(
    `SELECT VALUE record::id(id) FROM openid_token WITH INDEX openid_token_expires_at
     WHERE expires_at < $before LIMIT $limit`,
    { before, limit },
  )
  return hashes
}

export const insertOpenIdToken = (hash: string, row: OpenIdTokenRow): Write =>
  insertRow('openid_token', { id: hash, ...row })

export const deleteOpenIdToken = (hash: string): Write => deleteRow('openid_token', hash)
