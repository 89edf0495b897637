/**
 * Whether a password is an account's. Guessing is slowed per account, whatever address it comes
 * from; an account that does not exist takes as long as one that does.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#password-based
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { isValidLocalpart, parseUserId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { readPasswordHash, readUser } from '../store/user-store.js'
import { maxPasswordLength, type PasswordHasher } from './password-hashing.js'

/**
 * @param user a user ID or only its localpart, in any case
 * @returns the account's user ID
 * @throws MatrixError 403 `M_FORBIDDEN` (no such account, or another password), 403 `M_USER_DEACTIVATED`,
 *   401 `M_USER_LOCKED`, 429 `M_LIMIT_EXCEEDED`
 */
export type CheckPassword = (user: string, password: string) => Promise<UserId>

/** Wrong passwords an account takes before it makes everybody wait, and for how long, in milliseconds. */
const guesses = 10
const guessWindowMs = 5 * 60_000

type Needs = { db: Reader; serverName: ServerName; hasher: PasswordHasher; clock: Clock; limitGuesses: boolean }

export function makeCheckPassword(needs: Needs): CheckPassword {
  const wrong = new LRUCache<UserId, { count: number; since: number }>({ max: 10_000, ttl: guessWindowMs })

  function checkGuesses(userId: UserId): void {
    const before = wrong.get(userId)
    if (!needs.limitGuesses || !before || before.count < guesses) return
    const retryAfterMs = Math.max(1, before.since + guessWindowMs - needs.clock.now())
    throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many wrong passwords.', { retry_after_ms: retryAfterMs })
  }

  /** Counted before it is looked at, or many at once would all be let through. */
  function countGuess(userId: UserId): void {
    const before = wrong.get(userId)
    const guess = { count: (before?.count ?? 0) + 1, since: before?.since ?? needs.clock.now() }
    wrong.set(userId, guess, { noUpdateTTL: true })
  }

  return async (user, password) => {
    const userId = toLocalUserId(user, needs.serverName)
    // No account has one that long, and normalising and hashing megabytes would hold everybody up.
    if (!userId || password.length > maxPasswordLength) {
      await needs.hasher.matches('', undefined)
      throw wrongPassword()
    }
    checkGuesses(userId)
    countGuess(userId)
    const hash = await readPasswordHash(needs.db, userId)
    if (!(await needs.hasher.matches(password, hash))) throw wrongPassword()
    wrong.delete(userId)
    const account = await readUser(needs.db, userId)
    if (account?.status === 'deactivated')
      throw new MatrixError(403, 'M_USER_DEACTIVATED', 'This account has been deactivated.')
    if (account?.status === 'locked')
      throw new MatrixError(401, 'M_USER_LOCKED', 'This account is locked.', { soft_logout: true })
    return userId
  }
}

const wrongPassword = () => new MatrixError(403, 'M_FORBIDDEN', 'The user name or the password is wrong.')

/** `Alice`, `alice`, `@alice:server` → `@alice:server`; undefined for what cannot be an account here. */
export function toLocalUserId(user: string, serverName: ServerName): UserId | undefined {
  const full = parseUserId(user.startsWith('@') ? user : `@${user}:${serverName}`)
  if (!full || serverNameOf(full) !== serverName) return undefined
  const lower = full.toLowerCase() as UserId
  // Accounts are made with lower-case names only; an older import may hold others.
  return isValidLocalpart(lower.slice(1, lower.indexOf(':')))
    ? (`${lower.slice(0, lower.indexOf(':'))}:${serverName}` as UserId)
    : full
}
