/**
 * Builds what users do that needs the rooms: closing an account, invitations, reports, finding each other, following upgrades.
 *
 * Together with what accounts do by themselves (`start-accounts.ts`) it is what endpoints take of users.
 */

import type { RoomId, UserId } from '../kernel/identifiers.js'
import { type Logger, loggerFor } from '../kernel/logger.js'
import { together } from '../kernel/together.js'
import { describeRoom } from '../rooms/describe-room.js'
import { makeLeaveAllRooms } from '../rooms/leave-all-rooms.js'
import { isJoined, type Rooms } from '../rooms/room.js'
import type { RoomOperations } from '../rooms/room-operations.js'
import { checkRoomPermission } from '../rooms/room-permission.js'
import type { ReadEvents } from '../sync/read-event.js'
import type { Threepids } from '../threepids/threepids.js'
import type { Authenticator } from './authenticate.js'
import type { ErasedUsers } from './erased-users.js'
import { startFollowingUpgrades } from './follow-upgrade.js'
import { makeInvitations } from './invitations.js'
import type { LoginSessions } from './login-sessions.js'
import { makeLoginTokens } from './login-tokens.js'
import { makeManageAccount } from './manage-account.js'
import { startRemovingGuests } from './remove-guests.js'
import { makeReports } from './reports.js'
import { makeServerNotices } from './server-notices.js'
import type { AccountNeeds, Accounts } from './start-accounts.js'
import { makeCheckMaySend } from './suspension.js'
import { makeMakeTurnCredentials } from './turn-credentials.js'
import { makeSearchUsers } from './user-directory.js'

type Needs = Pick<AccountNeeds, 'clock' | 'serverName' | 'config'> & {
  db: Parameters<typeof makeManageAccount>[0]['db'] & Pick<Parameters<typeof makeManageAccount>[0], 'live'>
  /** The root logger. */
  logger: Logger
  loginSessions: LoginSessions
  authenticator: Authenticator
  accounts: Accounts
  deleteThreepidsOf: Threepids['deleteThreepidsOf']
  erased: ErasedUsers
  rooms: Rooms
  roomOperations: Pick<RoomOperations, 'leaveRoom' | 'inviteUser' | 'joinRoom' | 'createRoom' | 'sendEvent'>
  readOpenRooms(): Promise<ReadonlySet<RoomId>>
  readOneEvent: ReadEvents['readEvent']
  /** Runs for each session of a user who was locked. */
  closeSession(sid: string): void
}

export function startUsers(needs: Needs) {
  const { db, clock, serverName, config, accounts, rooms, loginSessions } = needs
  const { hasher, profiles, accountData, openIdTokens, registration, reading, ...own } = accounts
  const logger = loggerFor(needs.logger, 'users')
  const stopFollowing = startFollowingUpgrades({ db, rooms, serverName, ...accountData, logger })
  const { leaveRoom } = needs.roomOperations
  const stopRemovingGuests = startRemovingGuests({ db, rooms, leaveRoom, logger })
  const manageAccount = makeManageAccount({
    ...{ db, hasher, logger },
    sessions: loginSessions,
    authenticator: needs.authenticator,
    membershipsOf: rooms.membershipsOf,
    erased: needs.erased,
    leaveAllRooms: makeLeaveAllRooms({ rooms, leaveRoom, logger }),
    closeSession: needs.closeSession,
    deleteThreepidsOf: needs.deleteThreepidsOf,
    live: db.live,
  })
  void manageAccount
    .resumeDeactivations()
    .catch((error: unknown) => logger.error({ err: error }, 'accounts that were closed are not out of their rooms'))
  const invitations = makeInvitations({
    ...{ db, clock, logger, tokens: own.registrationTokens },
    ...{
      membershipsOf: rooms.membershipsOf,
      inviteUser: needs.roomOperations.inviteUser,
      joinRoom: needs.roomOperations.joinRoom,
    },
    async mayInvite(roomId, userId) {
      const room = await rooms.get(roomId)
      return room !== undefined && checkRoomPermission(room, userId, 'invite')
    },
  })
  void invitations
    .resumeRoomEntries()
    .catch((error: unknown) => logger.error({ err: error }, 'accounts are not in the rooms of their invitations'))
  const reports = makeReports({
    ...{ db, clock, logger },
    async findSender(userId, roomId, eventId) {
      const room = await rooms.get(roomId)
      if (!room || !isJoined(room, userId)) return undefined
      const { sender } = await needs.readOneEvent({ userId, sid: '', roomId, eventId })
      return sender as UserId
    },
    isKnownRoom: async (roomId) => (await rooms.get(roomId)) !== undefined,
    isKnownUser: async (userId) =>
      (await profiles.readLocalProfile(userId)) !== undefined || (await rooms.membershipsOf(userId)).size > 0,
  })
  const notices = makeServerNotices({
    ...{ db, serverName, rooms, accountData },
    registerUser: registration.registerUser,
    createRoom: needs.roomOperations.createRoom,
    sendEvent: needs.roomOperations.sendEvent,
  })
  return {
    operations: together({
      ...{
        own,
        profiles,
        accountData,
        openIdTokens,
        registration,
        reading,
        loginSessions,
        loginTokens: makeLoginTokens({ db, clock, sessions: loginSessions }),
        manageAccount,
        reports,
        invitations,
        notices,
      },
      others: {
        makeTurnCredentials: makeMakeTurnCredentials(config.voip, clock),
        async readRoomName(roomId: RoomId) {
          const room = await rooms.get(roomId)
          return room && describeRoom(room).name
        },
        checkMaySend: makeCheckMaySend({ readEvent: rooms.readEvent }),
        searchUsers: makeSearchUsers({
          ...{ db, clock, rooms },
          readOpenRooms: needs.readOpenRooms,
          allLocalUsers: config.user_directory.all_local_users,
        }),
      },
    }),
    forgetInvitations: invitations.forgetInvitations,
    /** Waits for what is under way. */
    async close() {
      await Promise.all([stopFollowing(), stopRemovingGuests()])
    },
  }
}
