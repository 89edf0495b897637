/**
 * OpenID tokens: a user hands one to a third party, which asks this server whose it is.
 *
 * Such a token is good for that alone, and for an hour; it is kept by its hash.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#openid
 */
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import {
  deleteOpenIdToken,
  insertOpenIdToken,
  readExpiredOpenIdTokens,
  readOpenIdToken,
} from '../store/openid-token-store.js'
import type { Database } from '../store/reader.js'
import { hashToken, newToken } from './tokens.js'

const lifetimeMs = 60 * 60_000

export type OpenIdTokens = {
  issueOpenIdToken(userId: UserId): Promise<{ token: string; expiresInMs: number }>
  /** Whose token it is; undefined for one that is unknown or expired, or whose account is closed or locked. */
  readOpenIdUser(token: string): Promise<UserId | undefined>
  /** Deletes at most `limit` expired tokens. @returns how many it deleted */
  forgetOpenIdTokens(limit: number): Promise<number>
}

export function makeOpenIdTokens(needs: {
  db: Database
  clock: Clock
  isActiveUser(userId: UserId): Promise<boolean>
}): OpenIdTokens {
  const { db, clock, isActiveUser } = needs
  return {
    async issueOpenIdToken(userId) {
      const { token, hash } = newToken('openid')
      const row = insertOpenIdToken(hash, { user_id: userId, expires_at: clock.now() + lifetimeMs })
      await db.commit(() => ({ writes: [row], changes: [], result: undefined }))
      return { token, expiresInMs: lifetimeMs }
    },

    async readOpenIdUser(token) {
      const row = await readOpenIdToken(db, hashToken(token))
      if (!row || row.expires_at <= clock.now()) return undefined
      return (await isActiveUser(row.user_id)) ? row.user_id : undefined
    },

    async forgetOpenIdTokens(limit) {
      const writes = (await readExpiredOpenIdTokens(db, clock.now(), limit)).map(deleteOpenIdToken)
      if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
      return writes.length
    },
  }
}
