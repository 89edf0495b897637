/** Builds what the server does for end-to-end encryption. */
import type { Clock } from '../kernel/clock.js'
import { type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import type { Grant } from '../store/writes.js'
import type { ToDeviceInbox } from '../sync/to-device-inbox.js'
import type { LoginSessions } from '../users/login-sessions.js'
import { type ClaimRemoteKeys, makeClaimKeys } from './claim-keys.js'
import { makeCrossSigning } from './cross-signing.js'
import { makeDehydratedDevices } from './dehydrated-device.js'
import { makeForgetDeviceListChanges } from './forget-device-list-changes.js'
import { forgetAllOneTimeKeys, makeForgetClaimedKeys, makeForgetKeysOf } from './forget-one-time-keys.js'
import { makeKeyBackup } from './key-backup.js'
import { makeReadKeyBundles } from './key-bundles.js'
import { type AskForKeys, makeQueryKeys } from './query-keys.js'
import { makeReadUserDevices } from './read-user-devices.js'
import { makeDeliverToDevices, makeSendToDevice, type ToDevice, type Told } from './send-to-device.js'
import { makeUploadKeys } from './upload-keys.js'
import { makeUploadSignatures } from './upload-signatures.js'

export type EncryptionNeeds = {
  db: Database
  clock: Clock
  serverName: ServerName
  /** `inTurn`: the account's turn. */
  sessions: Pick<LoginSessions, 'inTurn' | 'deleteDevices'>
  askForKeys: AskForKeys
  claimRemoteKeys: ClaimRemoteKeys
  /** The part of a message that goes to other servers. */
  addressServers: (message: ToDevice) => (grant: Grant) => Told
  inbox: Pick<ToDeviceInbox, 'keepWithin' | 'exchange'>
  /** The database is an older copy than the one that was used last. */
  isPutBack: boolean
}

export type Encryption = Awaited<ReturnType<typeof startEncryption>>

export async function startEncryption(needs: EncryptionNeeds) {
  const { db, clock, serverName, sessions, inbox, askForKeys, claimRemoteKeys } = needs
  const { inTurn } = sessions
  if (needs.isPutBack) await forgetAllOneTimeKeys(db)
  const inTurnOfDevice = makeKeyedLock()
  const readKeyBundles = makeReadKeyBundles({ db })
  const deliverToDevices = makeDeliverToDevices({ db, serverName, inbox })
  const { purgeBackups, ...keyBackup } = makeKeyBackup({ db })
  const uploadKeys = makeUploadKeys({ db, readKeyBundles, inTurn, inTurnOfDevice })
  const isLocal = (userId: UserId) => serverNameOf(userId) === serverName
  return {
    operations: {
      uploadKeys,
      readUserDevices: makeReadUserDevices({ db, readKeyBundles }),
      ...makeDehydratedDevices({ db, inbox, uploadKeys, sessions }),
      ...makeQueryKeys({ serverName, readKeyBundles, askForKeys }),
      ...makeClaimKeys({ db, clock, serverName, inTurnOfDevice, claimRemoteKeys }),
      ...makeCrossSigning({ db, readKeyBundles, inTurn }),
      ...keyBackup,
      sendToDevice: makeSendToDevice({ deliver: deliverToDevices, addressServers: needs.addressServers }),
      uploadSignatures: makeUploadSignatures({ db, readKeyBundles, askForKeys, isLocal, inTurn }),
    },
    purgeBackups,
    readKeyBundles,
    deliverToDevices,
    forgetKeysOf: makeForgetKeysOf({ db, inTurnOfDevice }),
    forgetClaimedKeys: makeForgetClaimedKeys({ db, clock }),
    forgetDeviceListChanges: makeForgetDeviceListChanges({ db }),
  }
}
