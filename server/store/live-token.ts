/**
 * Live tokens: the JWTs with which a user's client opens a record session (S1).
 *
 * The token claims hold lookup hashes, never the Matrix tokens themselves: a live query writes its
 * subscriber's claims to disk. There is no `nbf`, because the engine allows no clock skew at all.
 */
import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../kernel/clock.js'
import { type DeviceId, parseUserId, type UserId } from '../kernel/identifiers.js'
import { databaseName, namespace, recordSessionSeconds } from './accesses.js'
import type { SessionKey } from './key-files.js'

export type LiveTokenSubject = {
  userId: UserId
  deviceId: DeviceId
  /** The login session; it must be active when the token is used. */
  sid: string
  accessTokenHash: string
  /** Absent where the login has no refresh token. */
  refreshTokenHash?: string
}
export type LiveToken = {
  token: string
  /** Milliseconds since the epoch. */
  expiresAtMs: number
}
/** What a verified live token says. */
export type LiveClaims = { userId: UserId; deviceId: DeviceId; sid: string; expiresAtMs: number }

export type SessionRefusal =
  /** Malformed, forged, for another access, or for someone else than the session it should refresh. */
  | 'invalid'
  | 'expired'
  | 'logged_out'
  /** The user is unknown, locked or deactivated. */
  | 'account_unavailable'

export class SessionRefusedError extends Error {
  override readonly name = 'SessionRefusedError'

  constructor(readonly refusal: SessionRefusal) {
    super(`no session: ${refusal}`)
  }
}

const access = 'matrix_client'

/** A token good for an hour. */
export async function signLiveToken(key: SessionKey, clock: Clock, subject: LiveTokenSubject): Promise<LiveToken> {
  const issuedAt = Math.floor(clock.now() / 1000)
  const expiresAt = issuedAt + recordSessionSeconds
  const token = await new SignJWT({
    NS: namespace,
    DB: databaseName,
    AC: access,
    ID: userRecord(subject.userId),
    matrix_user_id: subject.userId,
    matrix_device_id: subject.deviceId,
    matrix_access_token: subject.accessTokenHash,
    matrix_refresh_token: subject.refreshTokenHash ?? null,
    sid: subject.sid,
    jti: randomUUID(),
  })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key.privateKey)
  return { token, expiresAtMs: expiresAt * 1000 }
}

/**
 * Checks the signature and that the token is one of `signLiveToken`'s. The engine checks again, and
 * whether the login session is still active; this is what keeps tokens for other accesses away from it.
 *
 * @throws SessionRefusedError `invalid` or `expired`
 */
export async function verifyLiveToken(key: SessionKey, clock: Clock, token: string): Promise<LiveClaims> {
  const payload = await verify(key, clock, token)
  const userId = parseUserId(payload.matrix_user_id)
  const { sid, matrix_device_id, exp } = payload
  if (
    !userId ||
    payload.NS !== namespace ||
    payload.DB !== databaseName ||
    payload.AC !== access ||
    payload.ID !== userRecord(userId) ||
    typeof sid !== 'string' ||
    typeof matrix_device_id !== 'string' ||
    typeof exp !== 'number'
  )
    throw new SessionRefusedError('invalid')
  return { userId, deviceId: matrix_device_id as DeviceId, sid, expiresAtMs: exp * 1000 }
}

async function verify(key: SessionKey, clock: Clock, token: string) {
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: ['EdDSA'],
      currentDate: new Date(clock.now()),
    })
    return payload
  } catch (error) {
    throw new SessionRefusedError(error instanceof errors.JWTExpired ? 'expired' : 'invalid')
  }
}

/** `` user:⟨@a:example.org⟩ ``; a bracket inside would end the quotes, so it is escaped. */
const userRecord = (userId: UserId) => `user:⟨${userId.replaceAll('\\', '\\\\').replaceAll('⟩', '\\⟩')}⟩`
