/**
 * Login sessions and their tokens.
 *
 * A session (`sid`) is one login of one device and stays the same through token refresh. Tokens are
 * found by their hash; the tokens themselves are nowhere. An ended session keeps its row with
 * `active = false`, because permissions of live queries look at it.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { UserKind, UserStatus } from './user-store.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type LoginSessionRow = { sid: string; user_id: UserId; device_id: DeviceId; active: boolean; created_at: number }

export type AccessTokenRow = {
  sid: string
  user_id: UserId
  device_id: DeviceId
  /** Milliseconds since the epoch; undefined for a token that does not expire. */
  expires_at?: number
  /** Hash of the refresh token that was given out with it. */
  refresh_hash?: string
  /** Hashes of the pair that this token was got with; that pair ends when this token is first used. */
  replaces?: { refresh: string; access: string }
}

/** A token with what authentication must know of its session and account. */
export type TokenFacts = AccessTokenRow & {
  active: boolean
  account?: { status: UserStatus; admin: boolean; suspended?: boolean; kind: UserKind }
}

export async function readAccessToken(db: Reader, hash: string): Promise<TokenFacts | undefined> {
  const [rows] = await db.query<[TokenFacts[]]>(
    `SELECT sid, user_id, device_id, expires_at, refresh_hash, replaces,
       type::record("login_session", sid).active = true AS active,
       type::record("user", user_id).{ status, admin, suspended, kind } AS account
     FROM type::record("access_token", $hash)`,
    { hash },
  )
  return rows[0]
}

export type RefreshTokenRow = {
  sid: string
  /** Hash of the access token that was given out with it. */
  access_hash: string
  /**
   * Hashes of the pair it was exchanged for. It stays good until that pair is used, so that a client
   * that lost the answer can ask again.
   */
  next?: { access: string; refresh: string }
}

export async function readRefreshToken(db: Reader, hash: string): Promise<RefreshTokenRow | undefined> {
  const [rows] = await db.query<[RefreshTokenRow[]]>('SELECT * OMIT id FROM type::record("refresh_token", $hash)', {
    hash,
  })
  return rows[0]
}

export async function readLoginSession(db: Reader, sid: string): Promise<LoginSessionRow | undefined> {
  const [rows] = await db.query<[LoginSessionRow[]]>(
    'SELECT record::id(id) AS sid, user_id, device_id, active, created_at FROM type::record("login_session", $sid)',
    { sid },
  )
  return rows[0]
}

/** The sessions of a user that are not ended, in no order. */
export async function readActiveSessions(db: Reader, userId: UserId): Promise<LoginSessionRow[]> {
  const [rows] = await db.query<[LoginSessionRow[]]>(
    `SELECT record::id(id) AS sid, user_id, device_id, active, created_at
     FROM login_session WITH INDEX login_session_user WHERE user_id = $user AND active = true`,
    { user: userId },
  )
  return rows
}

export const insertLoginSession = ({ sid, ...row }: LoginSessionRow): Write =>
  insertRow('login_session', { id: sid, ...row })

export const insertAccessToken = (hash: string, row: AccessTokenRow): Write =>
  insertRow('access_token', { id: hash, ...row })

/** Of a token that may be gone by now: then nothing is made. */
export const forgetReplaced = (hash: string): Write => ({
  op: 'statement',
  sql: 'UPDATE type::record("access_token", $hash) SET replaces = NONE RETURN NONE',
  bindings: { hash },
})

export const deleteAccessToken = (hash: string): Write => deleteRow('access_token', hash)

export const insertRefreshToken = (hash: string, row: RefreshTokenRow): Write =>
  insertRow('refresh_token', { id: hash, ...row })

export const setRefreshToken = (hash: string, row: RefreshTokenRow): Write =>
  upsertRow('refresh_token', { id: hash, ...row })

export const deleteRefreshToken = (hash: string): Write => deleteRow('refresh_token', hash)

/** Ends a session and deletes its tokens. */
export const endLoginSession = (sid: string, endedAt: number): Write[] => [
  upsertRow('login_session', { id: sid, active: false, ended_at: endedAt }),
  {
    op: 'statement',
    sql: `DELETE access_token WITH INDEX access_token_sid WHERE sid = $sid RETURN NONE;
          DELETE refresh_token WITH INDEX refresh_token_sid WHERE sid = $sid RETURN NONE`,
    bindings: { sid },
  },
]
