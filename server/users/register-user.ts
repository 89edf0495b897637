/**
 * Makes accounts.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'
import { isValidLocalpart, parseUserId, type ServerName, type UserId } from '../kernel/identifiers.js'
import { defaultPushRules, pushRulesType } from '../push/default-push-rules.js'
import { setAccountDataEntry } from '../store/account-data-store.js'
import { AlreadyExistsError } from '../store/errors.js'
import type { Database } from '../store/reader.js'
import { isUsedUp } from '../store/registration-token-store.js'
import { insertUser, readUser, setPasswordHash, type UserKind } from '../store/user-store.js'
import type { Write } from '../store/writes.js'
import { maxPasswordLength, type PasswordHasher } from './password-hashing.js'

export type RegisterUser = (options: {
  localpart: string
  /** Without one nobody can log in with a password. */
  password?: string | undefined
  /** The localpart where none is given. */
  displayName?: string | undefined
  admin?: boolean
  kind?: UserKind
  /** Made durable with the account. */
  writes?: Write[]
}) => Promise<UserId>

export type Registration = {
  /** @throws MatrixError 400 `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_WEAK_PASSWORD` */
  registerUser: RegisterUser
  registerGuest(): Promise<UserId>
  /** The user ID a name would get. @throws MatrixError 400 `M_INVALID_USERNAME`, `M_USER_IN_USE` */
  checkAvailable(localpart: string): Promise<UserId>
}

type Needs = { db: Database; serverName: ServerName; hasher: PasswordHasher; clock: Clock }

export function makeRegistration({ db, serverName, hasher, clock }: Needs): Registration {
  const inUse = (localpart: string) => new MatrixError(400, 'M_USER_IN_USE', `The name ${localpart} is taken.`)

  const registerUser: RegisterUser = async ({ localpart, password, displayName, admin, kind, writes = [] }) => {
    const userId = toUserId(localpart, serverName)
    if (password !== undefined) checkPasswordShape(password)
    const credential = password === undefined ? [] : [setPasswordHash(userId, await hasher.hash(password))]
    const user = insertUser({
      user_id: userId,
      status: 'active',
      admin: admin ?? false,
      kind: kind ?? 'user',
      displayname: displayName ?? localpart,
      created_at: clock.now(),
    })
    const pushRules = { global: defaultPushRules(userId) }
    try {
      await db.commit((grant) => {
        const position = grant.position()
        const entry = { roomId: undefined, type: pushRulesType, content: JSON.stringify(pushRules), position }
        return {
          writes: [user, ...credential, setAccountDataEntry(userId, entry), ...writes],
          changes: [
            { kind: 'account_data', position, userId, type: pushRulesType, content: pushRules },
            { kind: 'profile', position: grant.position(), userId },
          ],
          result: undefined,
        }
      })
    } catch (error) {
      if (error instanceof AlreadyExistsError) throw inUse(localpart)
      if (isUsedUp(error)) throw forbidden('The registration token has been used up.')
      throw error
    }
    return userId
  }

  return {
    registerUser,
    registerGuest: () => registerUser({ localpart: String(randomInt(1e9, 1e14)), kind: 'guest' }),
    async checkAvailable(localpart) {
      const userId = toUserId(localpart, serverName)
      if (await readUser(db, userId)) throw inUse(localpart)
      return userId
    },
  }
}

function toUserId(localpart: string, serverName: ServerName): UserId {
  const userId = isValidLocalpart(localpart) ? parseUserId(`@${localpart}:${serverName}`) : undefined
  if (!userId)
    throw new MatrixError(
      400,
      'M_INVALID_USERNAME',
      'A name has only a-z, 0-9 and . _ = / + - in it, and is not too long.',
    )
  return userId
}

/** @throws MatrixError 400 `M_WEAK_PASSWORD` */
export function checkPasswordShape(password: string): void {
  if (password === '') throw new MatrixError(400, 'M_WEAK_PASSWORD', 'The password is empty.')
  if (password.length > maxPasswordLength)
    throw new MatrixError(400, 'M_WEAK_PASSWORD', `The password has more than ${maxPasswordLength} characters.`)
}
