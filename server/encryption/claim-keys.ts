/**
 * Gives out the keys by which a conversation with a device begins: each one-time key once, in the order of upload, and the
 * fallback key when none is left.
 *
 * A device's keys are read and written in its turn, and a key is told only when it is durable that it is gone: so no two get the
 * same one, at once, after a crash, or by an upload that is repeated (`claimed_key`). What a restored backup brings
 * back is dropped (`forget-one-time-keys.ts`), since some of it was given out after the backup was made.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
 */
import type { JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { type DeviceId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { KeyedLock } from '../rooms/keyed-lock.js'
import {
  type Device,
  deleteOneTimeKey,
  readNextKey,
  setClaimed,
  setFallbackKeyUsed,
} from '../store/one-time-key-store.js'
import type { Database } from '../store/reader.js'
import type { Write } from '../store/writes.js'
import { hashOfKey, type KeyObject, nameOfKey } from './key-shapes.js'
import { keyOfDevice } from './upload-keys.js'

/** By user and device, the algorithm. */
export type WantedOneTimeKeys = ReadonlyMap<UserId, ReadonlyMap<DeviceId, string>>
/** By user, device, and name of the key. */
export type ClaimedKeys = Record<string, Record<string, Record<string, KeyObject>>>
export type ClaimAnswer = { one_time_keys: ClaimedKeys; failures: Record<string, JsonObject> }

/** Asks other servers for keys of their users. Never throws: who did not answer is among the failures. */
export type ClaimRemoteKeys = (wanted: WantedOneTimeKeys, timeoutMs: number) => Promise<ClaimAnswer>

export type ClaimKeys = {
  claimKeys(wanted: WantedOneTimeKeys, timeoutMs: number): Promise<ClaimAnswer>
  /** For another server: keys of this server's users only. */
  claimLocalKeys(wanted: WantedOneTimeKeys): Promise<ClaimedKeys>
}

/** Of one request. */
const maxClaims = 5_000
/** Devices looked at together. */
const atOnce = 100

type Needs = {
  db: Database
  clock: Clock
  serverName: ServerName
  inTurnOfDevice: KeyedLock
  claimRemoteKeys: ClaimRemoteKeys
}

export function makeClaimKeys({ db, clock, serverName, inTurnOfDevice, claimRemoteKeys }: Needs): ClaimKeys {
  const write = (device: Device, writes: Write[]) =>
    db.commit((grant) => ({
      writes,
      changes: [{ kind: 'key_counts', position: grant.position(), ...device }],
      result: undefined,
    }))

  async function claim(device: Device, algorithm: string): Promise<Record<string, KeyObject> | undefined> {
    const { oneTime, fallback } = await readNextKey(db, device, algorithm)
    const next = oneTime ?? fallback
    if (!next) return undefined
    const key = JSON.parse(next.key) as KeyObject
    if (oneTime)
      await write(device, [deleteOneTimeKey(device, oneTime), setClaimed(device, oneTime, hashOfKey(key), clock.now())])
    else if (fallback?.used === false) await write(device, [setFallbackKeyUsed(device, fallback)])
    return { [nameOfKey(next)]: key }
  }

  async function claimLocalKeys(wanted: WantedOneTimeKeys): Promise<ClaimedKeys> {
    const claims = [...wanted].flatMap(([userId, devices]) =>
      serverNameOf(userId) === serverName
        ? [...devices].map(([deviceId, algorithm]) => ({ userId, deviceId, algorithm }))
        : [],
    )
    const byUser = new Map<UserId, [DeviceId, Record<string, KeyObject>][]>()
    for (let start = 0; start < claims.length; start += atOnce)
      await Promise.all(
        claims.slice(start, start + atOnce).map(async ({ userId, deviceId, algorithm }) => {
          const device = { userId, deviceId }
          const key = await inTurnOfDevice(keyOfDevice(device), () => claim(device, algorithm))
          if (!key) return
          const ofUser = byUser.get(userId) ?? []
          ofUser.push([deviceId, key])
          byUser.set(userId, ofUser)
        }),
      )
    return Object.fromEntries([...byUser].map(([userId, keys]) => [userId, Object.fromEntries(keys)]))
  }

  return {
    claimLocalKeys: (wanted) => {
      checkCount(wanted)
      return claimLocalKeys(wanted)
    },
    async claimKeys(wanted, timeoutMs) {
      checkCount(wanted)
      const remote = new Map([...wanted].filter(([userId]) => serverNameOf(userId) !== serverName))
      const [local, theirs] = await Promise.all([claimLocalKeys(wanted), claimRemoteKeys(remote, timeoutMs)])
      return { one_time_keys: { ...theirs.one_time_keys, ...local }, failures: theirs.failures }
    },
  }
}

/** @throws MatrixError 400 `M_TOO_LARGE` */
function checkCount(wanted: WantedOneTimeKeys): void {
  let count = 0
  for (const devices of wanted.values()) count += devices.size
  if (count > maxClaims) throw new MatrixError(400, 'M_TOO_LARGE', `A request claims at most ${maxClaims} keys.`)
}
