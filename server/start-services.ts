/**
 * Builds everything that needs the server's name: accounts, rooms, media. Called once, at start or at
 * the end of onboarding.
 *
 * One flat object comes out, from which each endpoint takes what its `Needs` name.
 */

import { makeToLoginAnswer } from './api/client/session-management/login-answer.js'
import { makeManageDevices } from './devices/manage-devices.js'
import { creatableRoomVersions } from './events/room-versions.js'
import { dataDirLayout } from './kernel/data-dir.js'
import type { ServerName } from './kernel/identifiers.js'
import { loggerFor } from './kernel/logger.js'
import { version } from './kernel/version.js'
import { loadSigningKeys } from './keys/signing-key.js'
import { makeFindMedia } from './media/find-media.js'
import { openMediaFiles } from './media/media-files.js'
import { makeReadThumbnail } from './media/thumbnails.js'
import { makeUploadMedia } from './media/upload-media.js'
import { makePushRules } from './push/push-rules.js'
import { makePushers } from './push/pushers.js'
import { makeLeaveAllRooms } from './rooms/leave-all-rooms.js'
import { makeListRooms } from './rooms/list-rooms.js'
import { makeRoomOperations } from './rooms/room-operations.js'
import { makeOncePerTxn } from './rooms/transaction-ids.js'
import type { Base } from './start-base.js'
import { databaseName, namespace } from './store/accesses.js'
import { readDestinations } from './store/destination-store.js'
import { readSyncFilter } from './sync/filter.js'
import { makeAccountData } from './users/account-data.js'
import { makeCheckPassword } from './users/check-password.js'
import { makeIssueLiveToken } from './users/issue-live-token.js'
import { makeManageAccount } from './users/manage-account.js'
import { makePasswordHasher } from './users/password-hashing.js'
import { makeProfiles } from './users/profile.js'
import { makeReadAccounts } from './users/read-accounts.js'
import { makeRegistration } from './users/register-user.js'
import { makeRegistrationTokens } from './users/registration-tokens.js'
import { makeSharedSecretRegistration } from './users/shared-secret-registration.js'
import { makeRequireAuth, type Stage } from './users/user-interactive-auth.js'
import { withoutFederation } from './without-federation.js'

export type Services = Awaited<ReturnType<typeof startServices>>

export async function startServices(
  base: Base,
  options: { serverName: ServerName; federates: boolean; clientUrl: () => string | undefined },
) {
  const { serverName, federates, clientUrl } = options
  const { config, db, clock, secrets, logger, recordSessions, authenticator, loginSessions } = base
  const layout = dataDirLayout(config.data_dir)
  const signingKeys = await loadSigningKeys(layout.keys, secrets)
  const remote = withoutFederation

  const hasher = makePasswordHasher(config.password_hashing.cost)
  const registrationTokens = makeRegistrationTokens({ db, clock, configured: config.registration.tokens })
  const limitGuesses = config.rate_limits.enabled
  const checkPassword = makeCheckPassword({ db, serverName, hasher, clock, limitGuesses })
  const registration = makeRegistration({ db, serverName, hasher, clock })
  const profiles = makeProfiles({
    db,
    serverName,
    updateProfileInRooms: (userId) => roomOperations.updateProfileInRooms(userId),
    fetchRemoteProfile: remote.fetchRemoteProfile,
  })
  const accountData = makeAccountData({ db })

  const roomOperations = await makeRoomOperations({
    db,
    signer: { serverName, key: signingKeys.current, now: clock.now },
    defaultRoomVersion: config.default_room_version,
    anyoneMayPublish: config.room_directory.anyone_may_publish,
    memberProfile: async (userId) => {
      const { displayname, avatar_url } = (await profiles.readLocalProfile(userId)) ?? {}
      return { ...(displayname !== undefined && { displayname }), ...(avatar_url !== undefined && { avatar_url }) }
    },
    outboxWrites: () => [],
    remote,
  })
  const { rooms, leaveRoom } = roomOperations

  const files = await openMediaFiles(layout.media)
  const { findMedia, uploaded } = makeFindMedia({
    db,
    files,
    clock,
    serverName,
    maxBytes: config.media.max_upload_bytes,
    fetchRemoteMedia: remote.fetchRemoteMedia,
  })

  return {
    serverName,
    version,
    federates,
    clientUrl,
    clock,
    startedAt: clock.now(),
    dataDir: config.data_dir,
    publicBaseUrl: config.public_baseurl,
    defaultRoomVersion: config.default_room_version,
    roomVersions: creatableRoomVersions,
    federationDelegate: undefined,
    directoryWithoutAuth: config.room_directory.public_without_auth,

    checkPassword,
    registrationTokens,
    registrationPolicy: registrationPolicy(config.registration),
    sharedSecretRegistration: makeSharedSecretRegistration(config.registration.shared_secret),
    requireAuth: makeRequireAuth({ checkPassword, registrationTokens }),
    toLoginAnswer: makeToLoginAnswer(config.public_baseurl),
    ...registration,
    ...loginSessions,
    ...makeReadAccounts({ db }),
    ...makeManageDevices({ db }),
    ...makeManageAccount({
      db,
      hasher,
      sessions: loginSessions,
      authenticator,
      leaveAllRooms: makeLeaveAllRooms({ rooms, leaveRoom, logger: loggerFor(logger, 'users') }),
      closeSession: (sid) => void recordSessions.endLoginSession(sid),
    }),
    ...profiles,
    ...accountData,
    checkFilter: (definition: unknown) => void readSyncFilter(definition),
    ...makePushRules(accountData),
    ...makePushers({ db }),
    issueLiveToken: makeIssueLiveToken({ db, issueToken: recordSessions.issueLiveToken }),
    liveDatabase: { namespace, database: databaseName },

    ...roomOperations,
    sharedRooms: rooms.sharedRooms,
    membershipsOf: rooms.membershipsOf,
    queryRemotePublicRooms: remote.queryRemotePublicRooms,
    ...makeListRooms({ db, rooms, serverName }),
    oncePerTxn: makeOncePerTxn(db, clock),
    readDestinations: () => readDestinations(db),

    findMedia,
    openMediaFile: files.openFile,
    readThumbnail: makeReadThumbnail({ files }),
    ...makeUploadMedia({ db, files, clock, serverName, maxUploadBytes: config.media.max_upload_bytes, uploaded }),

    async close() {},
  }
}

/** Which proofs registration asks for: nothing where `dummy_flow` is on, else (or besides) a registration token. */
function registrationPolicy(config: Base['config']['registration']) {
  const flows: Stage[][] = []
  if (config.dummy_flow) flows.push(['m.login.dummy'])
  if (config.tokens.length > 0 || !config.dummy_flow) flows.push(['m.login.registration_token'])
  return { isOpen: config.enabled, guests: config.guests, flows }
}
