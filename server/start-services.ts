/**
 * Builds everything that needs the server's name: accounts, rooms, media. Called once, at start or at
 * the end of onboarding.
 *
 * One flat object comes out, from which each endpoint takes what its `Needs` name.
 */

import { makeToLoginAnswer } from './api/client/session-management/login-answer.js'
import { makeManageDevices } from './devices/manage-devices.js'
import { knownRoomVersions } from './events/room-versions.js'
import { makeForgetInbox } from './federation/forget-answers.js'
import { figuresOf } from './figures.js'
import { dataDirLayout } from './kernel/data-dir.js'
import type { ServerName, UserId } from './kernel/identifiers.js'
import { loggerFor } from './kernel/logger.js'
import { version } from './kernel/version.js'
import { loadSigningKeys } from './keys/signing-key.js'
import { ConnectedClients, deviceKey } from './live/connected-clients.js'
import { type Live, startLive } from './live/start-live.js'
import { makeFindMedia } from './media/find-media.js'
import { openMediaFiles } from './media/media-files.js'
import { makeRemoteCache } from './media/remote-cache.js'
import { makeReadThumbnail } from './media/thumbnails.js'
import { makeUploadMedia } from './media/upload-media.js'
import { makeWithinQuota } from './media/upload-quota.js'
import { makePushRules } from './push/push-rules.js'
import { makePushers } from './push/pushers.js'
import { makeForgetTransactionIds } from './rooms/forget-transaction-ids.js'
import { makeLeaveAllRooms } from './rooms/leave-all-rooms.js'
import { makeListRooms } from './rooms/list-rooms.js'
import { makeReadOpenRooms } from './rooms/open-rooms.js'
import type { PublicRoomsQuery } from './rooms/public-rooms.js'
import { makeRoomOperations } from './rooms/room-operations.js'
import { makeTransactionIds } from './rooms/transaction-ids.js'
import type { Base } from './start-base.js'
import { startCleaning } from './start-cleaning.js'
import { startFederation } from './start-federation.js'
import { databaseName, namespace } from './store/accesses.js'
import { readDestinations } from './store/destination-store.js'
import { readUploadedBytes } from './store/media-store.js'
import { buildSyncing } from './sync/build-syncing.js'
import { readSyncFilter } from './sync/filter.js'
import type { SyncRequest } from './sync/sync.js'
import { makeAccountData } from './users/account-data.js'
import { makeCheckPassword } from './users/check-password.js'
import { startFollowingUpgrades } from './users/follow-upgrade.js'
import { makeIssueLiveToken } from './users/issue-live-token.js'
import { makeManageAccount } from './users/manage-account.js'
import { makeOpenIdTokens } from './users/openid-tokens.js'
import { makePasswordGuesses } from './users/password-guesses.js'
import { makePasswordHasher } from './users/password-hashing.js'
import { makeProfiles } from './users/profile.js'
import { makeReadAccounts } from './users/read-accounts.js'
import { makeRegistration } from './users/register-user.js'
import { makeRegistrationTokens } from './users/registration-tokens.js'
import { makeReports } from './users/reports.js'
import { makeSharedSecretRegistration } from './users/shared-secret-registration.js'
import { makeCheckMaySend } from './users/suspension.js'
import { makeMakeTurnCredentials } from './users/turn-credentials.js'
import { makeSearchUsers } from './users/user-directory.js'
import { makeRequireAuth, type Stage } from './users/user-interactive-auth.js'

export type Services = Awaited<ReturnType<typeof startServices>>

export async function startServices(
  base: Base,
  options: { serverName: ServerName; federates: boolean; clientUrl: () => string | undefined },
) {
  const { serverName, federates, clientUrl } = options
  const { config, db, clock, secrets, logger, recordSessions, authenticator, loginSessions } = base
  const layout = dataDirLayout(config.data_dir)
  const signingKeys = await loadSigningKeys(layout.keys, secrets)
  await base.nameDatabase(serverName, signingKeys)
  const federation = await startFederation(base, { serverName, signingKeys, federates })
  const { remote } = federation

  const hasher = makePasswordHasher(config.password_hashing.cost)
  const registrationTokens = makeRegistrationTokens({ db, clock, configured: config.registration.tokens })
  const guesses = makePasswordGuesses({ db, clock, isOn: config.rate_limits.enabled })
  const checkPassword = makeCheckPassword({ db, serverName, hasher, guesses })
  const registration = makeRegistration({ db, serverName, hasher, clock })
  const profiles = makeProfiles({
    db,
    serverName,
    updateProfileInRooms: (userId) => roomOperations.updateProfileInRooms(userId),
    fetchRemoteProfile: remote.queryProfile,
  })
  const accountData = makeAccountData({ db })

  const readAccounts = makeReadAccounts({ db })
  const openIdTokens = makeOpenIdTokens({ db, clock, isActiveUser: readAccounts.isActiveUser })

  const roomOperations = await makeRoomOperations({
    db,
    signer: { serverName, key: signingKeys.current, now: clock.now },
    defaultRoomVersion: config.default_room_version,
    anyoneMayPublish: config.room_directory.anyone_may_publish,
    memberProfile: async (userId) => {
      const { displayname, avatar_url } = (await profiles.readLocalProfile(userId)) ?? {}
      return { ...(displayname !== undefined && { displayname }), ...(avatar_url !== undefined && { avatar_url }) }
    },
    outboxWrites: federation.outboxWrites,
    remote,
  })
  const { rooms, leaveRoom } = roomOperations
  const pushRules = makePushRules(accountData)

  // The live side and sync need each other's ends: what sync writes to live tables goes out through `live`, which
  // counts unread messages through sync.
  let live: Live | undefined
  const syncing = buildSyncing({
    ...{ db, rooms, clock, serverName },
    log: loggerFor(logger, 'sync'),
    writeTyping: (row) => live?.writeTyping(row),
    deleteTyping: (roomId, userId) => live?.deleteTyping(roomId, userId),
    writePresence: (row) => live?.writePresence(row),
    deletePresence: (userId) => live?.deletePresence(userId),
    sendEdu: federation.sendEdu,
    backfill: federates ? remote.backfillRoom : undefined,
    readFilter: accountData.readFilter,
    readPushRules: pushRules.readPushRules,
    changeAccountData: accountData.changeAccountData,
  })
  const clients = new ConnectedClients(clock, () => base.liveBridge.devices)
  live = await startLive({
    ...{ db, rooms, serverName, clock, logger },
    registry: base.liveRegistry,
    viewers: base.liveViewers,
    commitTimes: base.commitTimes,
    nodeId: base.nodeId,
    countUnread: syncing.unreadCounts.countUnread,
    readOwnReceipts: syncing.receipts.readOwn,
    connectedClients: () => clients.count,
    liveChannels: () => base.liveBridge.channels,
    stalls: base.stalls,
  })
  federation.sender?.forwardTo(live.federationTraffic)
  const federationEndpointNeeds = federation.connect({
    ...roomOperations,
    receiveTyping: syncing.typing.receive,
    receiveReceipts: syncing.receipts.receive,
    receivePresence: syncing.presence.receive,
    isActiveUser: readAccounts.isActiveUser,
  })
  const stopFollowing = startFollowingUpgrades({
    ...{ db, rooms, serverName, ...accountData },
    logger: loggerFor(logger, 'users'),
  })
  await syncing.restore()
  const files = await openMediaFiles(layout.media, clock)
  const remoteCache = makeRemoteCache({
    ...{ db, files, clock },
    maxBytes: config.media.remote_cache_bytes,
    log: loggerFor(logger, 'server'),
  })
  const cleaning = startCleaning({
    clock,
    logger: loggerFor(logger, 'server'),
    tasks: {
      'answers to transaction IDs': makeForgetTransactionIds({ db, clock }),
      'answers to other servers': makeForgetInbox({ db, clock }),
      'OpenID tokens': openIdTokens.forgetOpenIdTokens,
      'files that nothing stands for': remoteCache.removeOrphans,
    },
  })

  const withinQuota = makeWithinQuota({
    maxUploadBytes: config.media.max_upload_bytes,
    quotaBytes: config.media.user_quota_bytes,
    readUploadedBytes: (uploader) => readUploadedBytes(db, uploader),
  })
  const { findMedia, uploaded } = makeFindMedia({
    db,
    files,
    clock,
    serverName,
    maxBytes: config.media.max_upload_bytes,
    remoteCache,
    fetchRemoteMedia: remote.fetchRemoteMedia,
  })

  const transactionIds = makeTransactionIds(db, clock)
  loginSessions.onDeviceDeleted(transactionIds.forgetDevice)

  const manageAccount = makeManageAccount({
    db,
    hasher,
    sessions: loginSessions,
    authenticator,
    leaveAllRooms: makeLeaveAllRooms({ rooms, leaveRoom, logger: loggerFor(logger, 'users') }),
    closeSession: (sid) => void recordSessions.endLoginSession(sid),
    live: db.live,
    logger: loggerFor(logger, 'users'),
  })
  void manageAccount
    .resumeDeactivations()
    .catch((error: unknown) => logger.error({ err: error }, 'accounts that were closed are not out of their rooms'))

  const operations = {
    serverName,
    version,
    federates,
    clientUrl,
    clock,
    startedAt: clock.now(),
    dataDir: config.data_dir,
    publicBaseUrl: config.public_baseurl,
    supportContact: config.support,
    makeTurnCredentials: makeMakeTurnCredentials(config.voip, clock),
    defaultRoomVersion: config.default_room_version,
    roomVersions: knownRoomVersions,
    federationDelegate: undefined,
    directoryWithoutAuth: config.room_directory.public_without_auth,

    checkPassword,
    registrationTokens,
    ...openIdTokens,
    registrationPolicy: registrationPolicy(config.registration),
    sharedSecretRegistration: makeSharedSecretRegistration(config.registration.shared_secret),
    requireAuth: makeRequireAuth({ checkPassword, registrationTokens }),
    toLoginAnswer: makeToLoginAnswer(config.public_baseurl),
    ...registration,
    ...loginSessions,
    ...readAccounts,
    ...makeManageDevices({ db, inTurn: loginSessions.inTurn }),
    ...manageAccount,
    ...profiles,
    ...accountData,
    checkFilter: (definition: unknown) => void readSyncFilter(definition),
    ...pushRules,
    ...makePushers({ db, inTurn: loginSessions.inTurn }),
    issueLiveToken: makeIssueLiveToken({ db, issueToken: recordSessions.issueLiveToken }),
    liveDatabase: { namespace, database: databaseName },

    ...roomOperations,
    sharedRooms: rooms.sharedRooms,
    membershipsOf: rooms.membershipsOf,
    queryRemotePublicRooms: (server: ServerName, query: PublicRoomsQuery) =>
      remote.queryPublicRooms(server, { limit: query.limit, since: query.since, filter: directoryFilter(query) }),
    ...syncing.operations,
    sync: (request: SyncRequest) =>
      clients.during(deviceKey(request.userId, request.deviceId), () => syncing.operations.sync(request)),
    metricsHistory: live.metricsHistory,
    federation,
    ...makeListRooms({ db, rooms, serverName }),
    oncePerTxn: transactionIds.oncePerTxn,
    checkMaySend: makeCheckMaySend({ readEvent: rooms.readEvent }),
    searchUsers: makeSearchUsers({
      db,
      clock,
      rooms,
      readOpenRooms: makeReadOpenRooms({ db, rooms }),
      ...{ allLocalUsers: config.user_directory.all_local_users },
    }),
    ...makeReports({
      ...{ db, clock },
      logger: loggerFor(logger, 'users'),
      async findSender(userId, roomId, eventId) {
        if (!(await rooms.get(roomId))?.joined.has(userId)) return undefined
        const { sender } = await syncing.operations.readOneEvent({ userId, sid: '', roomId, eventId })
        return sender as UserId
      },
      isKnownRoom: async (roomId) => (await rooms.get(roomId)) !== undefined,
      isKnownUser: async (userId) =>
        (await profiles.readLocalProfile(userId)) !== undefined || (await rooms.membershipsOf(userId)).size > 0,
    }),
    readDestinations: () => readDestinations(db),
    retryDestination: (destination: ServerName) => federation.sender?.retryNow(destination),

    findMedia,
    openMediaFile: files.openFile,
    readThumbnail: makeReadThumbnail({ files }),
    ...makeUploadMedia({
      db,
      files,
      clock,
      serverName,
      maxUploadBytes: config.media.max_upload_bytes,
      withinQuota,
      uploaded,
    }),
  }
  return {
    ...operations,
    figures: figuresOf({
      ...{ live, clients },
      ...{ bridge: base.liveBridge, registry: base.liveRegistry, waitingSyncs: () => syncing.notifier.waiting },
    }),
    /** What other servers may ask for; undefined where this one does not federate. */
    federationOperations: federationEndpointNeeds && { ...operations, ...federationEndpointNeeds },

    /** After the listeners are closed and before the database is. */
    async close() {
      syncing.close()
      await stopFollowing()
      await remoteCache.close()
      await cleaning.close()
      await federation.close()
      await live.close()
    },
  }
}

const directoryFilter = ({ searchTerm, roomTypes }: PublicRoomsQuery) => ({
  ...(searchTerm === undefined ? {} : { generic_search_term: searchTerm }),
  ...(roomTypes === undefined ? {} : { room_types: roomTypes }),
})

/** Which proofs registration asks for: nothing where `dummy_flow` is on, else (or besides) a registration token. */
function registrationPolicy(config: Base['config']['registration']) {
  const flows: Stage[][] = []
  if (config.dummy_flow) flows.push(['m.login.dummy'])
  if (config.tokens.length > 0 || !config.dummy_flow) flows.push(['m.login.registration_token'])
  return { isOpen: config.enabled, guests: config.guests, flows }
}
