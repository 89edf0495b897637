/**
 * Beginning, refreshing and ending login sessions.
 *
 * A device has at most one session: logging in with its device ID again ends the one before. Ending
 * is told, after the commit, to whoever holds something open in its name (`onSessionEnded`): the
 * token cache, and the live bridge, which closes the session's channels.
 *
 * What changes an account's sessions, devices or password takes turns (`inTurn`), and reads what it decides by in its
 * turn. So nobody logs in with a password that has just been changed, and no session begins in an account that is
 * being closed.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#login
 */
import { randomUUID } from 'node:crypto'
import { clearDevice } from '../devices/clear-device.js'
import { deviceListChanged } from '../encryption/device-list-changed.js'
import { type Clock, randomId } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { type KeyedLock, makeKeyedLock } from '../rooms/keyed-lock.js'
import { deleteDevice, readDevice, readDevices, setDevice } from '../store/device-store.js'
import {
  type AccessTokenRow,
  deleteAccessToken,
  deleteRefreshToken,
  endLoginSession,
  insertAccessToken,
  insertLoginSession,
  insertRefreshToken,
  readActiveSessions,
  readLoginSession,
  readRefreshToken,
  setRefreshToken,
} from '../store/login-session-store.js'
import { deletePusher, readPushers } from '../store/pusher-store.js'
import type { Database } from '../store/reader.js'
import { readPasswordHash, readUser } from '../store/user-store.js'
import type { Change, Grant, Write } from '../store/writes.js'
import { checkMayLogIn, credentialOf, wrongPassword } from './check-password.js'
import { hashToken, newToken } from './tokens.js'

/** How long an access token is good that comes with a refresh token, in milliseconds. */
export const accessTokenLifetimeMs = 60 * 60_000

export type Tokens = { accessToken: string; refreshToken?: string; expiresInMs?: number }
export type NewSession = Tokens & { userId: UserId; deviceId: DeviceId; sid: string }

export type BeginSession = (options: {
  userId: UserId
  /** Made up where none is given. */
  deviceId?: DeviceId | undefined
  /** Only used where the device is new. */
  deviceName?: string | undefined
  withRefreshToken: boolean
  /** Which password was shown (`CheckPassword`), where one was: it must still be the account's. */
  credential?: string | undefined
}) => Promise<NewSession>

export type LoginSessions = {
  /** @throws MatrixError 403 `M_FORBIDDEN`, `M_USER_DEACTIVATED`, 401 `M_USER_LOCKED` for what the account has become meanwhile */
  beginSession: BeginSession
  /** @throws MatrixError 401 `M_UNKNOWN_TOKEN` for a token that is not known or was replaced */
  refreshSession(refreshToken: string): Promise<Tokens>
  /** Ends the sessions of the given devices of a user and deletes the devices. Unknown devices are passed over. */
  deleteDevices(userId: UserId, deviceIds: readonly DeviceId[]): Promise<void>
  /**
   * Every session and device of a user but the one to keep.
   *
   * @param also becomes durable together with the end of the first of them
   */
  deleteAllDevices(userId: UserId, keep?: { sid: string }, also?: readonly Write[]): Promise<void>
  /** Runs what changes an account apart from all else that does. Not to be called within itself. */
  inTurn: KeyedLock
  /** Runs after the commit that ended a session. */
  onSessionEnded(listener: (sid: string, userId: UserId) => void): void
  /** Runs after the commit that deleted a device. */
  onDeviceDeleted(listener: (userId: UserId, deviceId: DeviceId) => void): void
}

/** Each is a dozen rows and statements: of so many in one transaction. */
const devicesAtOnce = 50

const unknownToken = () => new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The refresh token is not known.')

type Needs = { db: Database; clock: Clock }

export function makeLoginSessions({ db, clock }: Needs): LoginSessions {
  const listeners: ((sid: string, userId: UserId) => void)[] = []
  const deviceListeners: ((userId: UserId, deviceId: DeviceId) => void)[] = []
  const inTurn = makeKeyedLock()

  async function endSessions(userId: UserId, ended: readonly { sid: string }[], more: Write[], changes: ChangeMaker) {
    const pushers = await readPushers(db, userId)
    const sids = new Set(ended.map(({ sid }) => sid))
    const now = clock.now()
    const writes = [
      ...[...sids].flatMap((sid) => endLoginSession(sid, now)),
      ...pushers.filter(({ sid }) => sids.has(sid)).map((row) => deletePusher(userId, row.app_id, row.pushkey)),
      ...more,
    ]
    if (writes.length === 0) return
    await db.commit((grant) => {
      const built = changes(grant)
      return { writes: [...writes, ...built.writes], changes: built.changes, result: undefined }
    })
    for (const sid of sids) for (const listener of listeners) listener(sid, userId)
  }

  /** In the account's turn. */
  async function endDevices(
    userId: UserId,
    deviceIds: readonly DeviceId[],
    also: readonly Write[] = [],
  ): Promise<void> {
    const active = await readActiveSessions(db, userId)
    for (let start = 0; start === 0 || start < deviceIds.length; start += devicesAtOnce) {
      const some = deviceIds.slice(start, start + devicesAtOnce)
      const sessions = active.filter(({ device_id }) => some.includes(device_id))
      for (const deviceId of some) await clearDevice(db, userId, deviceId)
      const rows = some.flatMap((deviceId) => deleteDevice(userId, deviceId))
      const changes = (grant: Grant) =>
        some.length > 0 ? devicesDeleted(grant, userId, some) : { writes: [], changes: [] }
      await endSessions(userId, sessions, [...(start === 0 ? also : []), ...rows], changes)
      for (const deviceId of some) for (const listener of deviceListeners) listener(userId, deviceId)
    }
  }

  /** @throws MatrixError where the account is not any more what it was when its user proved to be who they are */
  async function checkStillGood(userId: UserId, credential: string | undefined): Promise<void> {
    checkMayLogIn(await readUser(db, userId))
    if (credential === undefined) return
    const hash = await readPasswordHash(db, userId)
    if (hash === undefined || credentialOf(hash) !== credential) throw wrongPassword()
  }

  /** In the account's turn, or a refreshed token could outlive its session. */
  async function exchange(hash: string): Promise<Tokens> {
    const row = await readRefreshToken(db, hash)
    const session = row && (await readLoginSession(db, row.sid))
    if (!row || !session?.active) throw unknownToken()
    const { sid, user_id: userId, device_id: deviceId } = session
    const made = newTokens({
      ...{ sid, userId, deviceId, withRefreshToken: true, now: clock.now() },
      replaces: { refresh: hash, access: row.access_hash },
    })
    // The answer to an earlier exchange was lost: what it gave out never was used, and ends now.
    const lost = row.next ? [deleteAccessToken(row.next.access), deleteRefreshToken(row.next.refresh)] : []
    const next = { access: made.hash, refresh: made.refreshHash! }
    const old = setRefreshToken(hash, { ...row, next })
    await db.commit(() => ({ writes: [...lost, ...made.writes, old], changes: [], result: undefined }))
    return made.tokens
  }

  async function begin(options: Parameters<BeginSession>[0]): Promise<NewSession> {
    const { userId, deviceId = randomId(10) as DeviceId, deviceName, withRefreshToken, credential } = options
    await checkStillGood(userId, credential)
    const [known, sessions] = await Promise.all([readDevice(db, userId, deviceId), readActiveSessions(db, userId)])
    const before = sessions.filter((session) => session.device_id === deviceId)
    if (before.length > 0) await endSessions(userId, before, [], () => ({ writes: [], changes: [] }))
    const sid = randomUUID()
    const { writes, tokens } = newTokens({ sid, userId, deviceId, withRefreshToken, now: clock.now() })
    await db.commit((grant) => {
      const told = known ? { writes: [], changes: [] } : deviceListChanged(grant, userId, [deviceId])
      const session = { sid, user_id: userId, device_id: deviceId, active: true, created_at: clock.now() }
      const device = setDevice(userId, deviceId, known ? {} : { display_name: deviceName })
      return {
        writes: [insertLoginSession(session), device, ...writes, ...told.writes],
        changes: told.changes,
        result: undefined,
      }
    })
    return { userId, deviceId, sid, ...tokens }
  }

  return {
    inTurn,
    deleteDevices: (userId, deviceIds) => inTurn(userId, () => endDevices(userId, deviceIds)),

    beginSession: (options) => inTurn(options.userId, () => begin(options)),

    async refreshSession(refreshToken) {
      const hash = hashToken(refreshToken)
      const row = await readRefreshToken(db, hash)
      const session = row && (await readLoginSession(db, row.sid))
      if (!session) throw unknownToken()
      return inTurn(session.user_id, () => exchange(hash))
    },

    deleteAllDevices: (userId, keep, also) =>
      inTurn(userId, async () => {
        const [sessions, devices] = await Promise.all([readActiveSessions(db, userId), readDevices(db, userId)])
        const kept = sessions.find(({ sid }) => sid === keep?.sid)?.device_id
        const others = devices.map(({ device_id }) => device_id).filter((deviceId) => deviceId !== kept)
        await endDevices(userId, others, also)
      }),

    onSessionEnded: (listener) => void listeners.push(listener),
    onDeviceDeleted: (listener) => void deviceListeners.push(listener),
  }
}

function devicesDeleted(grant: Grant, userId: UserId, deviceIds: readonly DeviceId[]) {
  const told = deviceListChanged(grant, userId, deviceIds)
  const counts = deviceIds.map(
    (deviceId) => ({ kind: 'key_counts', position: grant.position(), userId, deviceId }) as const,
  )
  return { writes: told.writes, changes: [...told.changes, ...counts] }
}

type ChangeMaker = (grant: Grant) => { writes: Write[]; changes: Change[] }

function newTokens(options: {
  sid: string
  userId: UserId
  deviceId: DeviceId
  withRefreshToken: boolean
  now: number
  replaces?: AccessTokenRow['replaces']
}): { writes: Write[]; tokens: Tokens; hash: string; refreshHash: string | undefined } {
  const { sid, userId, deviceId, withRefreshToken, now, replaces } = options
  const access = newToken('access')
  const refresh = withRefreshToken ? newToken('refresh') : undefined
  const writes = [
    insertAccessToken(access.hash, {
      sid,
      user_id: userId,
      device_id: deviceId,
      ...(refresh && { expires_at: now + accessTokenLifetimeMs, refresh_hash: refresh.hash }),
      ...(replaces && { replaces }),
    }),
    ...(refresh ? [insertRefreshToken(refresh.hash, { sid, access_hash: access.hash })] : []),
  ]
  const tokens = {
    accessToken: access.token,
    ...(refresh && { refreshToken: refresh.token, expiresInMs: accessTokenLifetimeMs }),
  }
  return { writes, tokens, hash: access.hash, refreshHash: refresh?.hash }
}
