/**
 * Beginning, refreshing and ending login sessions.
 *
 * A device has at most one session: logging in with its device ID again ends the one before. Ending
 * is told, after the commit, to whoever holds something open in its name (`onSessionEnded`): the
 * token cache, and the live bridge, which closes the session's channels.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#login
 */
import { randomUUID } from 'node:crypto'
import { type Clock, randomId } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { deleteDevice, insertDeviceListChange, readDevice, readDevices, setDevice } from '../store/device-store.js'
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
import type { Change, Grant, Write } from '../store/writes.js'
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
}) => Promise<NewSession>

export type LoginSessions = {
  beginSession: BeginSession
  /** @throws MatrixError 401 `M_UNKNOWN_TOKEN` for a token that is not known or was replaced */
  refreshSession(refreshToken: string): Promise<Tokens>
  /** Ends the sessions of the given devices of a user and deletes the devices. Unknown devices are passed over. */
  deleteDevices(userId: UserId, deviceIds: readonly DeviceId[]): Promise<void>
  /** Every session and device of a user but the one to keep. */
  deleteAllDevices(userId: UserId, keep?: { sid: string }): Promise<void>
  /** Runs after the commit that ended a session. */
  onSessionEnded(listener: (sid: string, userId: UserId) => void): void
}

type Needs = { db: Database; clock: Clock }

export function makeLoginSessions({ db, clock }: Needs): LoginSessions {
  const listeners: ((sid: string, userId: UserId) => void)[] = []
  const refreshing = new Map<string, Promise<Tokens>>()

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

  async function deleteDevices(userId: UserId, deviceIds: readonly DeviceId[]): Promise<void> {
    if (deviceIds.length === 0) return
    const sessions = (await readActiveSessions(db, userId)).filter(({ device_id }) => deviceIds.includes(device_id))
    const rows = deviceIds.flatMap((deviceId) => deleteDevice(userId, deviceId))
    await endSessions(userId, sessions, rows, (grant) => deviceListChanged(grant, userId))
  }

  async function exchange(hash: string): Promise<Tokens> {
    const row = await readRefreshToken(db, hash)
    const session = row && (await readLoginSession(db, row.sid))
    if (!row || !session?.active) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The refresh token is not known.')
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

  return {
    deleteDevices,

    async beginSession({ userId, deviceId = randomId(10) as DeviceId, deviceName, withRefreshToken }) {
      const [known, sessions] = await Promise.all([readDevice(db, userId, deviceId), readActiveSessions(db, userId)])
      const before = sessions.filter((session) => session.device_id === deviceId)
      if (before.length > 0) await endSessions(userId, before, [], () => ({ writes: [], changes: [] }))
      const sid = randomUUID()
      const { writes, tokens } = newTokens({ sid, userId, deviceId, withRefreshToken, now: clock.now() })
      await db.commit((grant) => {
        const told = known ? { writes: [], changes: [] } : deviceListChanged(grant, userId)
        const session = { sid, user_id: userId, device_id: deviceId, active: true, created_at: clock.now() }
        const device = setDevice(userId, deviceId, known ? {} : { display_name: deviceName })
        return {
          writes: [insertLoginSession(session), device, ...writes, ...told.writes],
          changes: told.changes,
          result: undefined,
        }
      })
      return { userId, deviceId, sid, ...tokens }
    },

    refreshSession: (refreshToken) => {
      const hash = hashToken(refreshToken)
      // One exchange of a token at a time: each ends what the one before gave out.
      const turn = (refreshing.get(hash) ?? Promise.resolve()).catch(() => {}).then(() => exchange(hash))
      refreshing.set(hash, turn)
      return turn.finally(() => refreshing.get(hash) === turn && refreshing.delete(hash))
    },

    async deleteAllDevices(userId, keep) {
      const [sessions, devices] = await Promise.all([readActiveSessions(db, userId), readDevices(db, userId)])
      const kept = sessions.find(({ sid }) => sid === keep?.sid)?.device_id
      await deleteDevices(
        userId,
        devices.map(({ device_id }) => device_id).filter((deviceId) => deviceId !== kept),
      )
    },

    onSessionEnded: (listener) => void listeners.push(listener),
  }
}

type ChangeMaker = (grant: Grant) => { writes: Write[]; changes: Change[] }

/** The row and the change that tell others that a user's devices changed. */
export const deviceListChanged = (grant: Grant, userId: UserId): { writes: Write[]; changes: Change[] } => {
  const position = grant.position()
  return {
    writes: [insertDeviceListChange(position, userId)],
    changes: [{ kind: 'device_list', position, userId }],
  }
}

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
