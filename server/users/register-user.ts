/**
 * Makes accounts.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration
 */
import { randomInt } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'
import { isValidLocalpart, parseUserId, type ServerName, type UserId } from '../kernel/identifiers.js'
import { defaultPushRules, pushRulesType } from '../push/default-push-rules.js'
import { setAccountDataEntry } from '../store/account-data-store.js'
import { AlreadyExistsError } from '../store/errors.js'
import type { Database } from '../store/reader.js'
import { isUsedUp } from '../store/registration-token-store.js'
import { insertUser, readUser, setPasswordHash, setUser, type UserKind } from '../store/user-store.js'
import type { Write } from '../store/writes.js'
import { threepidInUse } from '../threepids/threepids.js'
import type { Authenticator } from './authenticate.js'
import type { PasswordHasher } from './password-hashing.js'
import { checkPasswordShape } from './password-rules.js'

export type RegisterUser = (options: {
  localpart: string
  /** Without one nobody can log in with a password. */
  password?: string | undefined
  /** The localpart where none is given. */
  displayName?: string | undefined
  admin?: boolean
  kind?: UserKind
  /** Made durable with the account. */
  writes?: (userId: UserId) => Write[]
}) => Promise<UserId>

export type Registration = {
  /** @throws MatrixError 400 `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_WEAK_PASSWORD` */
  registerUser: RegisterUser
  registerGuest(): Promise<UserId>
  /**
   * Makes a user of the guest whose token it is: name, rooms and devices stay.
   *
   * @throws MatrixError 401 `M_UNKNOWN_TOKEN`, 403 where it is no guest's or another's name, 400 `M_WEAK_PASSWORD`
   */
  upgradeGuest(request: {
    guestToken: string
    /** Must be the guest's own. */
    localpart: string | undefined
    password: string
    ip: string
    writes?: (userId: UserId) => Write[]
  }): Promise<UserId>
  /** The user ID a name would get. @throws MatrixError 400 `M_INVALID_USERNAME`, `M_USER_IN_USE` */
  checkAvailable(localpart: string): Promise<UserId>
  /** Registers for an authentication session; repeated or at once, it gives the one answer. */
  registerOnce<Answer extends object>(session: string | undefined, run: () => Promise<Answer>): Promise<Answer>
  /** The answer that was given for the session within the last minutes, or is being made. */
  registeredBy(session: string | undefined): Promise<object> | undefined
}

/** How long a lost answer can be asked for again, in milliseconds, and how many are kept. */
const answersKeptMs = 5 * 60_000
const maxAnswers = 1_000

type Needs = {
  db: Database
  serverName: ServerName
  hasher: PasswordHasher
  clock: Clock
  authenticator: Pick<Authenticator, 'authenticate' | 'forgetUser'>
}

export function makeRegistration({ db, serverName, hasher, clock, authenticator }: Needs): Registration {
  const answers = new LRUCache<string, Promise<object>>({ max: maxAnswers, ttl: answersKeptMs })
  const inUse = (localpart: string) => new MatrixError(400, 'M_USER_IN_USE', `The name ${localpart} is taken.`)

  const registerUser: RegisterUser = async ({ localpart, password, displayName, admin, kind, writes = () => [] }) => {
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
          writes: [user, ...credential, setAccountDataEntry(userId, entry), ...writes(userId)],
          changes: [
            { kind: 'account_data', position, userId, type: pushRulesType, content: pushRules },
            { kind: 'profile', position: grant.position(), userId },
          ],
          result: undefined,
        }
      })
    } catch (error) {
      if (error instanceof AlreadyExistsError)
        throw error.recordId?.startsWith('threepid:') ? threepidInUse() : inUse(localpart)
      if (isUsedUp(error)) throw forbidden('The registration token is not good any more.')
      throw error
    }
    return userId
  }

  return {
    registerUser,
    registerGuest: () => registerUser({ localpart: String(randomInt(1e9, 1e14)), kind: 'guest' }),
    async upgradeGuest({ guestToken, localpart, password, ip, writes = () => [] }) {
      const { userId, isGuest } = await authenticator.authenticate(guestToken, { ip, evenIfLocked: false })
      if (!isGuest) throw forbidden('That is not the token of a guest.')
      if (localpart !== undefined && parseUserId(`@${localpart}:${serverName}`) !== userId)
        throw forbidden('A guest keeps the name that it has.')
      checkPasswordShape(password)
      const passwordHash = await hasher.hash(password)
      const upgrade = [setUser(userId, { kind: 'user' }), setPasswordHash(userId, passwordHash), ...writes(userId)]
      await db
        .commit((grant) => ({
          writes: upgrade,
          changes: [{ kind: 'profile', position: grant.position(), userId }],
          result: undefined,
        }))
        .catch((error: unknown) => {
          throw isUsedUp(error) ? forbidden('The registration token is not good any more.') : error
        })
      authenticator.forgetUser(userId)
      return userId
    },
    async checkAvailable(localpart) {
      const userId = toUserId(localpart, serverName)
      if (await readUser(db, userId)) throw inUse(localpart)
      return userId
    },
    registeredBy: (session) => (session === undefined ? undefined : answers.get(session)),
    registerOnce<Answer extends object>(session: string | undefined, run: () => Promise<Answer>): Promise<Answer> {
      const known = session === undefined ? undefined : answers.get(session)
      if (known) return known as Promise<Answer> // one session is of one operation
      const answer = run()
      if (session !== undefined) {
        answers.set(session, answer)
        answer.catch(() => answers.delete(session))
      }
      return answer
    },
  }
}

/** `Alice` registers `alice`, as other servers have it. */
function toUserId(name: string, serverName: ServerName): UserId {
  const localpart = name.toLowerCase()
  const userId = isValidLocalpart(localpart) ? parseUserId(`@${localpart}:${serverName}`) : undefined
  if (!userId)
    throw new MatrixError(
      400,
      'M_INVALID_USERNAME',
      'A name has only a-z, 0-9 and . _ = / + - in it, and is not too long.',
    )
  return userId
}
