/**
 * Builds everything that needs the server's name: accounts, rooms, media, each domain by its own start file. Called
 * once, at start or at the end of onboarding.
 *
 * What endpoints use stands by domain; `together` hands it to them, and no name may stand for two things.
 */
import { makeToLoginAnswer } from './api/client/session-management/login-answer.js'
import { startAppservices } from './appservices/start-appservices.js'
import { makeManageDevices } from './devices/manage-devices.js'
import { startEncryption } from './encryption/start-encryption.js'
import { knownRoomVersions } from './events/room-versions.js'
import { makeForgetInbox } from './federation/forget-answers.js'
import { makeForgetMessages } from './federation/forget-messages.js'
import { figuresOf } from './figures.js'
import { dataDirLayout } from './kernel/data-dir.js'
import type { ServerName } from './kernel/identifiers.js'
import { loggerFor } from './kernel/logger.js'
import { together } from './kernel/together.js'
import { version } from './kernel/version.js'
import { loadSigningKeys } from './keys/signing-key.js'
import { ConnectedClients, deviceKey } from './live/connected-clients.js'
import { type Live, startLive } from './live/start-live.js'
import { startMedia } from './media/start-media.js'
import type { HomeNetwork } from './network/home-network.js'
import type { ReadReachability } from './network/reachability.js'
import { makeOutbound } from './outbound/outbound.js'
import { makePushDelivery } from './push/push-delivery.js'
import { makePushRules } from './push/push-rules.js'
import { makePushers } from './push/pushers.js'
import { startRooms } from './rooms/start-rooms.js'
import { startSearch } from './search/start-search.js'
import type { Base } from './start-base.js'
import { startCleaning } from './start-cleaning.js'
import { startFederation } from './start-federation.js'
import { databaseName, namespace } from './store/accesses.js'
import { readDestinations } from './store/destination-store.js'
import { buildSyncing } from './sync/build-syncing.js'
import { readSyncFilter } from './sync/filter.js'
import type { SyncRequest } from './sync/sync.js'
import type { Device } from './sync/to-device-inbox.js'
import { startThreepids } from './threepids/start-threepids.js'
import { loadErasedUsers } from './users/erased-users.js'
import { makeIssueLiveToken } from './users/issue-live-token.js'
import { startAccounts } from './users/start-accounts.js'
import { startUsers } from './users/start-users.js'

type Reach = {
  clientUrl(): string | undefined
  homeNetwork: HomeNetwork
  readReachability: ReadReachability
}

export type Services = Awaited<ReturnType<typeof startServices>>

export async function startServices(
  base: Base,
  options: {
    serverName: ServerName
    federates: boolean
    /** How this server is reached, which only the listeners know. */
    reach: Reach
  },
) {
  const { serverName, federates, reach } = options
  const { config, db, clock, secrets, logger, recordSessions, loginSessions } = base
  const layout = dataDirLayout(config.data_dir)
  const signingKeys = await loadSigningKeys(layout.keys, secrets)
  await base.nameDatabase(serverName, signingKeys)
  const federation = await startFederation(base, { serverName, signingKeys, federates })
  const { remote } = federation

  const appservices = startAppservices({
    ...{ clock, serverName, logger },
    registrationFiles: config.appservice_registration_files,
    verifyCertificates: config.outbound.verify_certificates,
    authenticator: base.authenticator,
    isActiveUser: (userId) => accounts.reading.isActiveUser(userId),
  })

  const outbound = makeOutbound({
    rules: {
      verifyCertificates: config.outbound.verify_certificates,
      allowPrivateAddresses: config.outbound.allow_private_addresses,
    },
  })
  const threepids = startThreepids({
    ...{ db, clock, serverName, logger, outbound, signingKey: signingKeys.current, email: config.email },
    baseUrl: () => config.public_baseurl ?? reach.clientUrl() ?? 'http://localhost/',
  })

  // Profiles are copied into rooms, and rooms ask for profiles.
  const accounts = startAccounts({
    ...{ db, clock, serverName, config, authenticator: base.authenticator, threepids },
    updateProfileInRooms: (userId) => rooms.operations.updateProfileInRooms(userId),
    fetchRemoteProfile: remote.queryProfile,
    askForUser: appservices.askForUser,
  })
  const { accountData } = accounts
  const erased = await loadErasedUsers(db)
  const { isErased } = erased
  const rooms = await startRooms({
    ...{ db, clock, remote },
    signer: { serverName, key: signingKeys.current, now: clock.now },
    defaultRoomVersion: config.default_room_version,
    anyoneMayPublish: config.room_directory.anyone_may_publish,
    memberProfile: async (userId) => {
      const { displayname, avatar_url } = (await accounts.profiles.readLocalProfile(userId)) ?? {}
      return { ...(displayname !== undefined && { displayname }), ...(avatar_url !== undefined && { avatar_url }) }
    },
    outboxWrites: federation.outboxWrites,
    appservices,
  })
  loginSessions.onDeviceDeleted(rooms.forgetTransactionIdsOf)
  loginSessions.onDeviceDeleted((userId) => base.authenticator.forgetUser(userId))
  const pushRules = makePushRules(accountData)

  // The live side and sync need each other's ends: what sync writes to live tables goes out through `live`, which
  // counts unread messages through sync.
  let live: Live | undefined
  const syncing = buildSyncing({
    ...{ db, clock, serverName, rooms: rooms.rooms, isErased },
    log: loggerFor(logger, 'sync'),
    writeTyping(row) {
      live?.writeTyping(row)
      appservices.typingChanged(row.room_id)
    },
    deleteTyping(roomId, userId) {
      live?.deleteTyping(roomId, userId)
      appservices.typingChanged(roomId)
    },
    writePresence(row) {
      live?.writePresence(row)
      appservices.presenceChanged(row)
    },
    deletePresence: (userId) => live?.deletePresence(userId),
    sendEdu: federation.sendEdu,
    ...(federates ? { backfill: remote.backfillRoom, queryEventByTime: remote.queryEventByTime } : {}),
    readFilter: accountData.readFilter,
    readPushRules: pushRules.readPushRules,
    readRoomVisibility: rooms.operations.readRoomVisibility,
    changeAccountData: accountData.changeAccountData,
    onPutBack: (device) => encryption.forgetKeysOf(device),
  })
  const encryption = await startEncryption({
    ...{ db, clock, serverName, sessions: loginSessions, isPutBack: base.isPutBack },
    askForKeys: remote.askForKeys,
    claimRemoteKeys: remote.claimRemoteKeys,
    addressServers: federation.addressServers,
    inbox: syncing.inbox,
  })
  const pushes = await makePushDelivery({
    ...{ db, clock, outbound, rooms: rooms.rooms, log: loggerFor(logger, 'push') },
    countUnread: syncing.unreadCounts.countUnread,
    ...{ readJudge: syncing.readJudge, readReading: syncing.readReading, readThreadOf: syncing.readThreadOf },
    ...{ readSummary: syncing.readSummary, visibility: syncing.visibility },
  })
  const search = startSearch({
    ...{ db, live: db.live, clock, rooms: rooms.rooms, visibility: syncing.visibility },
    ...{ readAccountDataOf: syncing.readAccountDataOf, clientEvents: syncing.clientEvents },
    readState: syncing.operations.readRoomState,
  })
  const clients = new ConnectedClients(clock, () => base.liveBridge.devices)
  live = await startLive({
    ...{ db, serverName, clock, logger, rooms: rooms.rooms, isErased },
    registry: base.liveRegistry,
    viewers: base.liveViewers,
    commitTimes: base.commitTimes,
    nodeId: base.nodeId,
    countUnread: syncing.unreadCounts.countUnread,
    readOwnReceipts: syncing.receipts.readOwn,
    ...{ inbox: syncing.inbox, readKeyCounts: syncing.readKeyCounts, readDeviceLists: syncing.readDeviceLists },
    otherLanes: [pushes.lane, search.lane],
    connectedClients: () => clients.count,
    liveChannels: () => base.liveBridge.channels,
    stalls: base.stalls,
  })
  federation.sender?.forwardTo(live.federationTraffic)
  const forServers = federation.connect({
    ...rooms.connections,
    receiveTyping: syncing.typing.receive,
    receiveReceipts: syncing.receipts.receive,
    receivePresence: syncing.presence.receive,
    isActiveUser: accounts.reading.isActiveUser,
    deliverToDevices: encryption.deliverToDevices,
    readKeyBundles: encryption.readKeyBundles,
    isErased,
  })
  const users = startUsers({
    ...{ db, clock, serverName, config, logger, loginSessions, accounts, erased, rooms: rooms.rooms },
    authenticator: base.authenticator,
    roomOperations: rooms.operations,
    readOpenRooms: rooms.readOpenRooms,
    readOneEvent: syncing.operations.readOneEvent,
    deleteThreepidsOf: threepids.threepids.deleteThreepidsOf,
    closeSession: (sid) => void recordSessions.endLoginSession(sid),
  })
  await syncing.restore()
  await appservices.connect({
    ...{ db, rooms: rooms.rooms, typingIn: syncing.typing.usersIn },
    registration: accounts.registration,
  })
  const media = await startMedia({
    ...{ db, clock, serverName, dir: layout.media, limits: config.media },
    fetchRemoteMedia: remote.fetchRemoteMedia,
    outbound: config.url_previews.enabled ? outbound : undefined,
    log: loggerFor(logger, 'server'),
  })
  const cleaning = startCleaning({
    clock,
    logger: loggerFor(logger, 'server'),
    tasks: {
      'answers to transaction IDs': rooms.forgetTransactionIds,
      'answers to other servers': makeForgetInbox({ db, clock }),
      'invitations that are spent': users.forgetInvitations,
      'messages of other servers that came': makeForgetMessages({ db, clock }),
      'keys of backups that were deleted': encryption.purgeBackups,
      'one-time keys that were given out': encryption.forgetClaimedKeys,
      'changes of devices that changed again': encryption.forgetDeviceListChanges,
      'OpenID tokens': accounts.openIdTokens.forgetOpenIdTokens,
      'confirmations of mail addresses': threepids.validation.forgetThreepidSessions,
      'files that nothing stands for': media.removeOrphans,
      'previews of links': media.forgetUrlPreviews,
    },
  })

  pushes.start()

  const domains = {
    server: {
      ...{ serverName, version, federates, clock, ...reach },
      startedAt: clock.now(),
      dataDir: config.data_dir,
      publicBaseUrl: config.public_baseurl,
      supportContact: config.support,
      defaultRoomVersion: config.default_room_version,
      roomVersions: knownRoomVersions,
      directoryWithoutAuth: config.room_directory.public_without_auth,
      toLoginAnswer: makeToLoginAnswer(config.public_baseurl),
      liveDatabase: { namespace, database: databaseName },
    },
    users: users.operations,
    threepids: { ...threepids.threepids, ...threepids.validation, sendsMail: threepids.sendsMail },
    appservices: appservices.operations,
    devices: makeManageDevices({ db, inTurn: loginSessions.inTurn }),
    rooms: rooms.operations,
    encryption: encryption.operations,
    sync: {
      ...syncing.operations,
      sync: (request: SyncRequest) =>
        clients.during(deviceKey(request.userId, request.deviceId), () => syncing.operations.sync(request)),
      checkFilter: (definition: unknown) => void readSyncFilter(definition),
    },
    push: together({
      pushRules,
      pushers: makePushers({
        ...{ db, clock, inTurn: loginSessions.inTurn, onPusherSet: pushes.onPusherSet },
        allowHttp: config.push.allow_http_gateways,
      }),
    }),
    media: media.operations,
    search: { search: search.search },
    live: {
      metricsHistory: live.metricsHistory,
      async acknowledgeToDevice(device: Device, upTo: number) {
        const isKnown = await syncing.inbox.acknowledge(device, upTo)
        if (!isKnown) await encryption.forgetKeysOf(device)
        return isKnown
      },
      issueLiveToken: makeIssueLiveToken({ db, issueToken: recordSessions.issueLiveToken }),
    },
    destinations: {
      readDestinations: () => readDestinations(db),
      retryDestination: (destination: ServerName) => federation.sender?.retryNow(destination),
    },
  }
  void rooms.operations
    .resumeUpgrades()
    .catch((error: unknown) => logger.error({ err: error }, 'upgrades of rooms that broke off are not at their end'))
  return {
    federation,
    authenticate: appservices.authenticate,
    forClients: together(domains),
    /** What other servers may ask for; undefined where this one does not federate. */
    forServers: forServers && together({ ...domains, forServers }),
    figures: figuresOf({
      ...{ live, clients },
      ...{ bridge: base.liveBridge, registry: base.liveRegistry, waitingSyncs: () => syncing.notifier.waiting },
    }),

    /** After the listeners are closed and before the database is. */
    async close() {
      syncing.close()
      await appservices.close()
      await users.close()
      await pushes.close()
      await outbound.close()
      await media.close()
      await cleaning.close()
      await federation.close()
      await live.close()
    },
  }
}
