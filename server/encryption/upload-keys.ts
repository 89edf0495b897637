/**
 * A device publishes its keys: its identity, keys for one conversation each, and keys for when those have run out.
 *
 * Repeating an upload changes nothing. A one-time key that comes again as another key under its ID is refused, as Synapse
 * does; one that was given out already is not taken again. A device that comes with another identity (it has lost its store)
 * keeps none of the keys of the one before, since nobody could use them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
 */
import { badJson, MatrixError } from '../kernel/errors.js'
import type { KeyedLock } from '../rooms/keyed-lock.js'
import { deleteKeySignature, setDeviceKeys } from '../store/device-key-store.js'
import { readDevice } from '../store/device-store.js'
import {
  type Device,
  deleteFallbackKey,
  deleteOneTimeKey,
  type FallbackKeyRow,
  insertOneTimeKey,
  type KeysOfDevice,
  type NamedKey,
  readKeysOfDevice,
  setFallbackKey,
} from '../store/one-time-key-store.js'
import type { Database } from '../store/reader.js'
import type { Write } from '../store/writes.js'
import type { Requester } from '../users/requester.js'
import { deviceListChanged } from './device-list-changed.js'
import type { KeyBundle, ReadKeyBundles } from './key-bundles.js'
import { type DeviceKeys, hashOfKey, isSameKey, type KeyObject, parseKeyName, textOfKey } from './key-shapes.js'

export type UploadedKeys = {
  device_keys?: DeviceKeys | undefined
  one_time_keys?: Readonly<Record<string, KeyObject>> | undefined
  fallback_keys?: Readonly<Record<string, KeyObject>> | undefined
}

/** Unclaimed one-time keys by algorithm. */
export type KeyCount = Record<string, number>

/** @throws MatrixError 400 for keys of somebody else, keys without a name, and another key under an ID that is taken */
export type UploadKeys = (requester: Pick<Requester, 'userId' | 'deviceId'>, keys: UploadedKeys) => Promise<KeyCount>

/** Of one device, of all algorithms; clients keep about fifty. */
export const maxOneTimeKeys = 1_000
/** Longest key as JSON, in characters. */
const maxKeyLength = 65_536

type Needs = {
  db: Database
  readKeyBundles: ReadKeyBundles
  /** The account's turn: a device that is deleted meanwhile must not get keys. */
  inTurn: KeyedLock
  /** The device's turn, see one-time-keys.ts. */
  inTurnOfDevice: KeyedLock
}

export const keyOfDevice = ({ userId, deviceId }: Device) => JSON.stringify([userId, deviceId])

export function makeUploadKeys(needs: Needs): UploadKeys {
  const { db } = needs

  async function upload(device: Device, keys: UploadedKeys): Promise<KeyCount> {
    const { userId, deviceId } = device
    if (!(await readDevice(db, userId, deviceId)))
      throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'This device was logged out.')
    const oneTime = namesOf(keys.one_time_keys)
    const [there, bundles] = await Promise.all([readKeysOfDevice(db, device, oneTime), needs.readKeyBundles([userId])])
    const identity = checkIdentity(device, keys.device_keys, bundles.get(userId))
    const before: KeysOfDevice = identity.isAnother ? { oneTime: [], fallback: [], claimed: there.claimed } : there
    const fresh = newOneTimeKeys(keys.one_time_keys, oneTime, before)
    const fallback = newFallbackKeys(keys.fallback_keys, before)
    if (before.oneTime.length + fresh.length > maxOneTimeKeys)
      throw new MatrixError(400, 'M_TOO_LARGE', `A device has at most ${maxOneTimeKeys} one-time keys.`)
    const dropped = identity.isAnother ? dropKeys(device, there, bundles.get(userId)) : []
    if (identity.text !== undefined || fresh.length > 0 || fallback.length > 0 || dropped.length > 0)
      await db.commit((grant) => {
        const told =
          identity.text === undefined ? { writes: [], changes: [] } : deviceListChanged(grant, userId, [deviceId])
        const position = grant.position()
        return {
          writes: [
            ...dropped,
            ...told.writes,
            ...(identity.text === undefined ? [] : [setDeviceKeys(userId, deviceId, identity.text)]),
            ...fresh.map((row) => insertOneTimeKey(device, { ...row, position })),
            ...fallback.map((row) => setFallbackKey(device, row)),
          ],
          changes: [...told.changes, { kind: 'key_counts', position, userId, deviceId }],
          result: undefined,
        }
      })
    return countByAlgorithm([...before.oneTime, ...fresh])
  }

  return ({ userId, deviceId }, keys) =>
    needs.inTurn(userId, () =>
      needs.inTurnOfDevice(keyOfDevice({ userId, deviceId }), () => upload({ userId, deviceId }, keys)),
    )
}

/** `text`: what is to be kept, undefined where it is kept already. */
function checkIdentity(
  { userId, deviceId }: Device,
  keys: DeviceKeys | undefined,
  bundle: KeyBundle | undefined,
): { text: string | undefined; isAnother: boolean } {
  if (!keys) return { text: undefined, isAnother: false }
  if (keys.user_id !== userId || keys.device_id !== deviceId)
    throw badJson('These device keys are of another user or device.')
  const text = textOfKey(withoutUnsigned(keys))
  if (text.length > maxKeyLength) throw new MatrixError(400, 'M_TOO_LARGE', 'These device keys are too long.')
  const known = bundle?.devices.get(deviceId)?.keys
  if (!known) return { text, isAnother: false }
  if (textOfKey(known) === text) return { text: undefined, isAnother: false }
  return { text, isAnother: textOfKey(known.keys) !== textOfKey(keys.keys) }
}

/** Nobody signs it, and it is ours to say. */
function withoutUnsigned({ unsigned: _, ...keys }: DeviceKeys) {
  return keys
}

/** @throws MatrixError 400 `M_BAD_JSON` */
function namesOf(keys: Readonly<Record<string, KeyObject>> | undefined): NamedKey[] {
  const names: NamedKey[] = []
  for (const [name, key] of Object.entries(keys ?? {})) {
    const parsed = parseKeyName(name)
    if (!parsed) throw badJson('A key is named by its algorithm and its ID, with a colon between them.')
    if (textOfKey(key).length > maxKeyLength) throw new MatrixError(400, 'M_TOO_LARGE', 'A key is too long.')
    names.push(parsed)
  }
  return names
}

type NewKey = NamedKey & { key: string }

function newOneTimeKeys(
  keys: UploadedKeys['one_time_keys'],
  names: readonly NamedKey[],
  { oneTime, claimed }: KeysOfDevice,
): NewKey[] {
  const given = Object.values(keys ?? {})
  const fresh: NewKey[] = []
  for (const [i, name] of names.entries()) {
    const key = given[i]!
    const isNamed = (row: NamedKey) => row.algorithm === name.algorithm && row.key_id === name.key_id
    const known = oneTime.find(isNamed)
    if (known) {
      if (isSameKey(JSON.parse(known.key) as KeyObject, key)) continue
      throw new MatrixError(400, 'M_UNKNOWN', 'One time key already exists: this device has another key under that ID.')
    }
    if (claimed.find(isNamed)?.hash === hashOfKey(key)) continue
    fresh.push({ ...name, key: textOfKey(key) })
  }
  return fresh
}

function newFallbackKeys(keys: UploadedKeys['fallback_keys'], { fallback }: KeysOfDevice): FallbackKeyRow[] {
  const given = Object.values(keys ?? {})
  const rows = new Map<string, FallbackKeyRow>()
  for (const [i, name] of namesOf(keys).entries()) {
    const known = fallback.find(({ algorithm }) => algorithm === name.algorithm)
    const isKnown = known?.key_id === name.key_id && isSameKey(JSON.parse(known.key) as KeyObject, given[i]!)
    if (!isKnown) rows.set(name.algorithm, { ...name, key: textOfKey(given[i]!), used: false })
  }
  if (rows.size > maxOneTimeKeys) throw new MatrixError(400, 'M_TOO_LARGE', 'There are too many fallback keys.')
  return [...rows.values()]
}

function dropKeys(device: Device, { oneTime, fallback }: KeysOfDevice, bundle: KeyBundle | undefined): Write[] {
  const signatures = bundle?.signatures.filter(({ target }) => target === device.deviceId) ?? []
  return [
    ...oneTime.map((row) => deleteOneTimeKey(device, row)),
    ...fallback.map(({ algorithm }) => deleteFallbackKey(device, algorithm)),
    ...signatures.map((row) => deleteKeySignature(device.userId, row)),
  ]
}

export function countByAlgorithm(keys: Iterable<Pick<NamedKey, 'algorithm'>>): KeyCount {
  const counts = new Map<string, number>()
  for (const { algorithm } of keys) counts.set(algorithm, (counts.get(algorithm) ?? 0) + 1)
  return Object.fromEntries(counts)
}
