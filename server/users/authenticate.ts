/**
 * From an access token to the user who sent it: the one place all authentication goes through.
 *
 * A good token is looked up once and then known in memory, so that most requests touch no database.
 * Whoever ends a session, or changes what an account may do, must say so here (`forgetSession`,
 * `forgetUser`) after the commit; from then on the token is refused.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#client-authentication
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { noteDeviceSeen, readDevice } from '../store/device-store.js'
import {
  deleteAccessToken,
  deleteRefreshToken,
  forgetReplaced,
  readAccessToken,
  type TokenFacts,
} from '../store/login-session-store.js'
import type { Database } from '../store/reader.js'
import { readUser } from '../store/user-store.js'
import type { Requester } from './requester.js'
import { hashToken } from './tokens.js'

type Known = { requester: Requester; expiresAt: number; isLocked: boolean; seenNotedAt: number }

export type Authenticate = (
  token: string,
  from: {
    ip: string
    userAgent?: string | undefined
    /** Lets a locked user through: for logging out. */
    evenIfLocked: boolean
    /** Of an application service: the user, and the device of that user, that it acts as. */
    actsAs?: { userId: string | undefined; deviceId: string | undefined }
  },
) => Promise<Requester>

/** A user of an application service, whose token stands for all of them. */
export type AuthenticateOwnUser = (
  appservice: NonNullable<Requester['appservice']>,
  as: { userId: UserId; deviceId: DeviceId | undefined },
  evenIfLocked: boolean,
) => Promise<Requester>

export type Authenticator = {
  /** @throws MatrixError 401 `M_UNKNOWN_TOKEN` (with `soft_logout` where it expired) or `M_USER_LOCKED` */
  authenticate: Authenticate
  /** @throws MatrixError 403 `M_FORBIDDEN` for no account, 400 `M_UNKNOWN_DEVICE`, 401 `M_USER_LOCKED` */
  authenticateOwnUser: AuthenticateOwnUser
  forgetSession(sid: string): void
  forgetUser(userId: UserId): void
}

/** Tokens known at once; a token beyond them is looked up again. */
const maxKnown = 20_000
/** How exact "last seen" is kept, in milliseconds: a write per device and this long. */
const seenEveryMs = 10 * 60_000
/** What a client calls itself is cut there. */
const maxUserAgent = 256

const unknownToken = () => new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The access token is not known.')
const expiredToken = () =>
  new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The access token has expired.', { soft_logout: true })
const userLocked = () => new MatrixError(401, 'M_USER_LOCKED', 'This account is locked.', { soft_logout: true })

export function makeAuthenticator(needs: { db: Database; clock: Clock; logger: Logger }): Authenticator {
  const { db, clock, logger } = needs
  const known = new LRUCache<string, Known>({ max: maxKnown })
  /** Raised by every `forget…`: a look-up that began before must not be remembered after. */
  let epoch = 0

  async function lookUp(hash: string): Promise<Known> {
    const began = epoch
    const facts = await readAccessToken(db, hash)
    if (!facts?.active || !facts.account || facts.account.status === 'deactivated') throw unknownToken()
    const entry = toKnown(hash, facts)
    if (facts.replaces) await endReplaced(hash, facts.replaces)
    if (epoch === began) known.set(hash, entry)
    return entry
  }

  /** The first use of a refreshed token proves that the client has it: the old pair ends. */
  async function endReplaced(hash: string, old: { refresh: string; access: string }): Promise<void> {
    const ended = [deleteRefreshToken(old.refresh), deleteAccessToken(old.access)]
    const writes = [...ended, forgetReplaced(hash)]
    await db.commit(() => ({ writes, changes: [], result: undefined }))
    known.delete(old.access)
  }

  function noteSeen(entry: Known, ip: string, userAgent: string | undefined): void {
    const now = clock.now()
    if (now - entry.seenNotedAt < seenEveryMs) return
    entry.seenNotedAt = now
    const { userId, deviceId } = entry.requester
    const seen = noteDeviceSeen(userId, deviceId, {
      ...{ last_seen_ip: ip, last_seen_ts: now, last_seen_user_agent: userAgent?.slice(0, maxUserAgent) },
    })
    db.commit(() => ({ writes: [seen], changes: [], result: undefined })).catch((error: unknown) =>
      logger.warn({ err: error, user: userId }, 'when a device was last seen could not be noted'),
    )
  }

  const authenticate: Authenticate = async (token, { ip, userAgent, evenIfLocked }) => {
    const hash = hashToken(token)
    const entry = known.get(hash) ?? (await lookUp(hash))
    if (entry.expiresAt <= clock.now()) {
      known.delete(hash)
      throw expiredToken()
    }
    noteSeen(entry, ip, userAgent)
    if (entry.isLocked && !evenIfLocked) throw userLocked()
    return entry.requester
  }

  async function lookUpOwnUser(
    appservice: NonNullable<Requester['appservice']>,
    { userId, deviceId }: { userId: UserId; deviceId: DeviceId | undefined },
  ): Promise<Known> {
    const [user, device] = await Promise.all([
      readUser(db, userId),
      deviceId === undefined ? undefined : readDevice(db, userId, deviceId),
    ])
    if (!user || user.status === 'deactivated')
      throw forbidden('The application service has not registered that user, or the account is closed.')
    if (deviceId !== undefined && !device)
      throw new MatrixError(400, 'M_UNKNOWN_DEVICE', 'That user has no such device.')
    const { admin: isAdmin, suspended: isSuspended = false } = user
    const sid = `appservice ${appservice.id} ${userId}`
    return {
      requester: {
        ...{ userId, sid, isAdmin, isSuspended, appservice },
        deviceId: deviceId ?? ('' as DeviceId),
        isGuest: false,
        tokenHash: '',
      },
      expiresAt: Number.POSITIVE_INFINITY,
      isLocked: user.status === 'locked',
      seenNotedAt: 0,
    }
  }

  const authenticateOwnUser: AuthenticateOwnUser = async (appservice, as, evenIfLocked) => {
    // A token's hash has no space in it.
    const key = `${appservice.id} ${as.userId} ${as.deviceId ?? ''}`
    const began = epoch
    let entry = known.get(key)
    if (!entry) {
      entry = await lookUpOwnUser(appservice, as)
      if (epoch === began) known.set(key, entry)
    }
    if (entry.isLocked && !evenIfLocked) throw userLocked()
    return entry.requester
  }

  function forget(matches: (requester: Requester) => boolean): void {
    epoch += 1
    for (const [hash, { requester }] of known.entries()) if (matches(requester)) known.delete(hash)
  }

  return {
    authenticate,
    authenticateOwnUser,
    forgetSession: (sid) => forget((requester) => requester.sid === sid),
    forgetUser: (userId) => forget((requester) => requester.userId === userId),
  }
}

function toKnown(tokenHash: string, facts: TokenFacts): Known {
  const { user_id: userId, device_id: deviceId, sid, account } = facts
  const { admin: isAdmin, kind, suspended: isSuspended = false } = account!
  return {
    requester: { userId, deviceId, sid, tokenHash, isAdmin, isGuest: kind === 'guest', isSuspended },
    expiresAt: facts.expires_at ?? Number.POSITIVE_INFINITY,
    isLocked: account!.status === 'locked',
    seenNotedAt: 0,
  }
}
