/**
 * The public keys of this server's users, as others are shown them. Kept in memory by user, forgotten whenever the user's
 * device list changes: every write to these keys tells such a change in its own commit.
 *
 * Who may see which signature: those by the key's owner, everybody; those by somebody else, that one alone.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
import type { JsonObject } from '../events/pdu.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import {
  type CrossSigningUsage,
  type KeyBundleRows,
  type KeySignatureRow,
  readKeyBundles,
} from '../store/device-key-store.js'
import type { Database } from '../store/reader.js'
import { type DeviceKeys, withSignatures } from './key-shapes.js'

export type CrossSigningKey = JsonObject & {
  readonly user_id: UserId
  readonly usage: readonly string[]
  readonly keys: Readonly<Record<string, string>>
}

export type KeyBundle = {
  readonly devices: ReadonlyMap<DeviceId, { readonly keys: DeviceKeys; readonly displayName: string | undefined }>
  readonly crossSigning: ReadonlyMap<CrossSigningUsage, CrossSigningKey>
  readonly signatures: readonly KeySignatureRow[]
}

export type ReadKeyBundles = (userIds: readonly UserId[]) => Promise<ReadonlyMap<UserId, KeyBundle>>

const maxBytes = 8_000_000
/** About what a parsed key takes beside its JSON. */
const overhead = 500

export function makeReadKeyBundles({ db }: { db: Database }): ReadKeyBundles {
  const kept = new VersionedCache<UserId, KeyBundle>('device_keys', maxBytes)
  db.onCommitted('memory', (changes) => {
    for (const change of changes) if (change.kind === 'device_list') kept.delete(change.userId)
  })
  return (userIds) =>
    kept.getMany(new Set(userIds), async (missing) => {
      const rows = await readKeyBundles(db, missing)
      return missing.map((key, i) => ({ key, value: toBundle(rows[i]!), bytes: bytesOf(rows[i]!) }))
    })
}

function toBundle({ devices, crossSigning, signatures }: KeyBundleRows): KeyBundle {
  return {
    devices: new Map(
      devices.map((row) => [
        row.device_id,
        { keys: JSON.parse(row.keys) as DeviceKeys, displayName: row.display_name },
      ]),
    ),
    crossSigning: new Map(crossSigning.map(({ usage, key }) => [usage, JSON.parse(key) as CrossSigningKey])),
    signatures,
  }
}

function bytesOf({ devices, crossSigning, signatures }: KeyBundleRows): number {
  let bytes = overhead
  for (const { keys } of devices) bytes += 2 * keys.length + overhead
  for (const { key } of crossSigning) bytes += 2 * key.length + overhead
  return bytes + signatures.length * 300
}

/**
 * A device's keys with the signatures that `viewer` may see.
 *
 * @param viewer undefined for another server
 */
export function shownDeviceKeys(
  bundle: KeyBundle,
  deviceId: DeviceId,
  viewer: UserId | undefined,
): DeviceKeys | undefined {
  const device = bundle.devices.get(deviceId)
  return device && withSignatures(device.keys, visible(bundle, deviceId, device.keys.user_id, viewer))
}

export function shownCrossSigningKey(
  bundle: KeyBundle,
  usage: CrossSigningUsage,
  viewer: UserId | undefined,
): CrossSigningKey | undefined {
  const key = bundle.crossSigning.get(usage)
  return key && withSignatures(key, visible(bundle, publicKeyOf(key), key.user_id, viewer))
}

/** The one public key of a cross-signing key: its shape was checked when it came. */
export const publicKeyOf = ({ keys }: CrossSigningKey): string => Object.values(keys)[0] ?? ''

const visible = (bundle: KeyBundle, of: string, owner: UserId, viewer: UserId | undefined) =>
  bundle.signatures.filter(({ target, signer }) => target === of && (signer === owner || signer === viewer))
