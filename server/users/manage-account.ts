/**
 * What happens to an account after it was made: a new password, its end, an admin's decisions.
 *
 * An account is closed in one commit, with a mark; what follows from that (devices, rooms, what it left behind) goes in
 * pieces, and the mark goes last. A server that was stopped in between goes on at its next start.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#account-management
 */
import { forgetUserKeys } from '../encryption/forget-user-keys.js'
import { MatrixError, notFound } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import { clearRanges } from '../store/clear-ranges.js'
import { deleteJournal } from '../store/device-list-journal-store.js'
import type { LiveTables } from '../store/live.js'
import { readActiveSessions } from '../store/login-session-store.js'
import { closeLiveEvents } from '../store/projection-store.js'
import { deletePusher, readPushers } from '../store/pusher-store.js'
import type { Database } from '../store/reader.js'
import {
  deleteDeactivation,
  deletePasswordHash,
  liveAccountDataOf,
  readDeactivations,
  readUser,
  setDeactivation,
  setErased,
  setPasswordHash,
  setUser,
  type UserRow,
  type UserStatus,
  userDataOf,
} from '../store/user-store.js'
import type { Write } from '../store/writes.js'
import type { Threepids, UnbindResult } from '../threepids/threepids.js'
import type { Authenticator } from './authenticate.js'
import type { ErasedUsers } from './erased-users.js'
import type { LoginSessions } from './login-sessions.js'
import type { PasswordHasher } from './password-hashing.js'
import { checkPasswordShape } from './password-rules.js'

export type ManageAccount = {
  /** @param keep the session that stays; undefined ends none, null ends all */
  setPassword(userId: UserId, password: string, keep: { sid: string } | null | undefined): Promise<void>
  /** A password to hand on, of which its user is asked to make one of their own. @param endsAll their sessions */
  setTemporaryPassword(userId: UserId, password: string, endsAll: boolean): Promise<void>
  /**
   * Ends an account for good: password, devices, pushers, rooms and addresses. Its name stays taken.
   *
   * @param erase forgets the profile too
   * @param idServer where its addresses were bound otherwise than through this server
   * @returns whether identity servers have forgotten its addresses
   */
  deactivate(userId: UserId, erase: boolean, idServer?: string): Promise<UnbindResult>
  /** @throws MatrixError 404 `M_NOT_FOUND` for an unknown account, 400 where it is deactivated */
  setStatus(userId: UserId, status: Exclude<UserStatus, 'deactivated'>): Promise<void>
  /** @throws MatrixError as `setStatus` */
  setSuspended(userId: UserId, suspended: boolean): Promise<void>
  setAdmin(userId: UserId, admin: boolean): Promise<void>
  /** Goes on with what was left of accounts that were closed. */
  resumeDeactivations(): Promise<void>
}

type Needs = {
  db: Database
  hasher: PasswordHasher
  sessions: Pick<LoginSessions, 'deleteAllDevices' | 'inTurn'>
  authenticator: Pick<Authenticator, 'forgetUser'>
  /** Leaves every room, declines every invite. */
  leaveAllRooms(userId: UserId): Promise<void>
  deleteThreepidsOf: Threepids['deleteThreepidsOf']
  /** Runs for each session of a user who was locked. */
  closeSession(sid: string, userId: UserId): void
  membershipsOf: Rooms['membershipsOf']
  erased: Pick<ErasedUsers, 'add'>
  live: Pick<LiveTables, 'writeLive'>
  logger: Pick<Logger, 'error'>
}

export function makeManageAccount(needs: Needs): ManageAccount {
  const { db, hasher, sessions, authenticator } = needs

  async function readExisting(userId: UserId): Promise<UserRow> {
    const user = await readUser(db, userId)
    if (!user) throw notFound('There is no such account.')
    return user
  }
  async function readOpen(userId: UserId): Promise<void> {
    const { status } = await readExisting(userId)
    if (status === 'deactivated') throw new MatrixError(400, 'M_UNKNOWN', 'The account is deactivated.')
  }
  /** Each step may be done again. */
  async function finishDeactivation(userId: UserId, erase: boolean, idServer?: string): Promise<UnbindResult> {
    const unbound = await needs.deleteThreepidsOf(userId, idServer)
    await sessions.deleteAllDevices(userId)
    await forgetUserKeys(db, userId)
    const pushers = (await readPushers(db, userId)).map((row) => deletePusher(userId, row.app_id, row.pushkey))
    await db.commit(() => ({ writes: pushers, changes: [], result: undefined }))
    await needs.leaveAllRooms(userId)
    if (erase) {
      await clearRanges(db, [liveAccountDataOf(userId)], (writes) => needs.live.writeLive(writes))
      await needs.live.writeLive([deleteJournal(userId)])
      for (const roomId of (await needs.membershipsOf(userId)).keys())
        await needs.live.writeLive([closeLiveEvents(roomId, userId)], { silent: true })
    }
    const commit = (writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))
    if (erase) await clearRanges(db, userDataOf(userId), commit)
    await commit([deleteDeactivation(userId)])
    return unbound
  }
  async function changePassword(
    userId: UserId,
    password: string,
    keep: { sid: string } | null | undefined,
    mustChange: true | undefined,
  ): Promise<void> {
    checkPasswordShape(password)
    await readOpen(userId)
    const credential = setPasswordHash(userId, await hasher.hash(password))
    const writes = [credential, setUser(userId, { must_change_password: mustChange })]
    if (keep !== undefined) return sessions.deleteAllDevices(userId, keep ?? undefined, writes)
    await sessions.inTurn(userId, () => db.commit(() => ({ writes, changes: [], result: undefined })))
  }
  const setFields = async (userId: UserId, fields: Parameters<typeof setUser>[1]) => {
    await db.commit(() => ({ writes: [setUser(userId, fields)], changes: [], result: undefined }))
    authenticator.forgetUser(userId)
  }

  return {
    setPassword: (userId, password, keep) => changePassword(userId, password, keep, undefined),
    setTemporaryPassword: (userId, password, endsAll) =>
      changePassword(userId, password, endsAll ? null : undefined, true),

    async deactivate(userId, erase, idServer) {
      await readExisting(userId)
      const erased = erase ? { displayname: undefined, avatar_url: undefined, profile: undefined } : {}
      const writes = [
        setUser(userId, { status: 'deactivated', admin: false, ...erased }),
        deletePasswordHash(userId),
        setDeactivation(userId, erase),
        ...(erase ? [setErased(userId)] : []),
      ]
      // The account is closed before its rooms are left: nothing it does in between is wanted.
      await sessions.inTurn(userId, () =>
        db.commit((grant) => ({
          writes,
          changes: [{ kind: 'profile', position: grant.position(), userId }],
          result: undefined,
          ...(erase ? { durable: () => needs.erased.add(userId) } : {}),
        })),
      )
      authenticator.forgetUser(userId)
      return finishDeactivation(userId, erase, idServer)
    },

    async resumeDeactivations() {
      for (const { user_id: userId, erase } of await readDeactivations(db))
        await finishDeactivation(userId, erase).catch((error: unknown) =>
          needs.logger.error({ err: error, user: userId }, 'an account could not be closed to the end'),
        )
    },

    async setStatus(userId, status) {
      await readOpen(userId)
      await setFields(userId, { status })
      if (status !== 'locked') return
      for (const { sid } of await readActiveSessions(db, userId)) needs.closeSession(sid, userId)
    },

    async setSuspended(userId, suspended) {
      await readOpen(userId)
      await setFields(userId, { suspended: suspended || undefined })
    },

    async setAdmin(userId, admin) {
      await readExisting(userId)
      await setFields(userId, { admin })
    },
  }
}
