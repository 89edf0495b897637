/**
 * Whether a password is an account's. Guessing is limited (`password-guesses.ts`); an account that does not
 * exist takes as long as one that does.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#password-based
 */
import { createHash } from 'node:crypto'
import { MatrixError } from '../kernel/errors.js'
import { isValidLocalpart, parseUserId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { readPasswordHash, readUser, type UserRow } from '../store/user-store.js'
import type { Guesser, PasswordGuesses } from './password-guesses.js'
import { maxPasswordLength, type PasswordHasher } from './password-hashing.js'

/** An account and which of its passwords was shown: a digest that is another as soon as the password is. */
export type ProvenPassword = { userId: UserId; credential: string }

/**
 * @param user a user ID or only its localpart, in any case
 * @throws MatrixError 403 `M_FORBIDDEN` (no such account, or another password), 403 `M_USER_DEACTIVATED`,
 *   401 `M_USER_LOCKED`, 429 `M_LIMIT_EXCEEDED`
 */
export type CheckPassword = (user: string, password: string, from: Guesser) => Promise<ProvenPassword>

type Needs = { db: Reader; serverName: ServerName; hasher: PasswordHasher; guesses: PasswordGuesses }

export function makeCheckPassword({ db, serverName, hasher, guesses }: Needs): CheckPassword {
  return async (user, password, from) => {
    const userId = toLocalUserId(user, serverName)
    // No account has one that long, and normalising and hashing megabytes would hold everybody up.
    if (!userId || password.length > maxPasswordLength) {
      await hasher.matches('', undefined)
      throw wrongPassword()
    }
    const succeeded = await guesses.begin(userId, from)
    const hash = await readPasswordHash(db, userId)
    if (!(await hasher.matches(password, hash)) || hash === undefined) throw wrongPassword()
    succeeded()
    checkMayLogIn(await readUser(db, userId))
    return { userId, credential: credentialOf(hash) }
  }
}

/** @throws MatrixError 403 `M_USER_DEACTIVATED`, 401 `M_USER_LOCKED` */
export function checkMayLogIn(account: UserRow | undefined): void {
  if (account?.status === 'deactivated')
    throw new MatrixError(403, 'M_USER_DEACTIVATED', 'This account has been deactivated.')
  if (account?.status === 'locked')
    throw new MatrixError(401, 'M_USER_LOCKED', 'This account is locked.', { soft_logout: true })
}

export const credentialOf = (passwordHash: string): string =>
  createHash('sha256').update(passwordHash).digest('base64url')

export const wrongPassword = () => new MatrixError(403, 'M_FORBIDDEN', 'The user name or the password is wrong.')

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
