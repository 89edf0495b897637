/** Builds what the server does for end-to-end encryption. */
import type { Clock } from '../kernel/clock.js'
import { type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { type KeyedLock, makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import type { Grant } from '../store/writes.js'
import type { ToDeviceInbox } from '../sync/to-device-inbox.js'
import { type ClaimRemoteKeys, makeClaimKeys } from './claim-keys.js'
import { makeCrossSigning } from './cross-signing.js'
import { forgetAllOneTimeKeys, makeForgetClaimedKeys, makeForgetKeysOf } from './forget-one-time-keys.js'
import { makeKeyBackup } from './key-backup.js'
import { makeReadKeyBundles } from './key-bundles.js'
import { type AskForKeys, makeQueryKeys } from './query-keys.js'
import { makeDeliverToDevices, makeSendToDevice, type ToDevice, type Told } from './send-to-device.js'
import { makeUploadKeys } from './upload-keys.js'
import { makeUploadSignatures } from './upload-signatures.js'

export type EncryptionNeeds = {
  db: Database
  clock: Clock
  serverName: ServerName
  /** The account's turn (`users/login-sessions.ts`). */
  inTurn: KeyedLock
  askForKeys: AskForKeys
  claimRemoteKeys: ClaimRemoteKeys
  /** The part of a message that goes to other servers. */
  addressServers: (message: ToDevice) => (grant: Grant) => Told
  inbox: Pick<ToDeviceInbox, 'keepWithin'>
  /** The database is an older copy than the one that was used last. */
  isPutBack: boolean
}

export type Encryption = Awaited<ReturnType<typeof startEncryption>>

export async function startEncryption(needs: EncryptionNeeds) {
  const { db, clock, serverName, inTurn, askForKeys, claimRemoteKeys } = needs
  if (needs.isPutBack) await forgetAllOneTimeKeys(db)
  const inTurnOfDevice = makeKeyedLock()
  const readKeyBundles = makeReadKeyBundles({ db })
  const deliverToDevices = makeDeliverToDevices({ db, serverName, inbox: needs.inbox })
  const { purgeBackups, ...keyBackup } = makeKeyBackup({ db })
  const isLocal = (userId: UserId) => serverNameOf(userId) === serverName
  return {
    operations: {
      uploadKeys: makeUploadKeys({ db, readKeyBundles, inTurn, inTurnOfDevice }),
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
  }
}
