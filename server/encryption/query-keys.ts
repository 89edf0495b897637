/**
 * Whose devices there are and by which keys they are known.
 *
 * Users of this server are answered from memory or the database; those of others by their servers (`AskForKeys`), all at
 * once and in the time that was given. A user-signing key is shown to its owner alone.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
import type { JsonObject } from '../events/pdu.js'
import { type DeviceId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { type KeyBundle, type ReadKeyBundles, shownCrossSigningKey, shownDeviceKeys } from './key-bundles.js'

/** By user, the devices that are asked for; none: all. */
export type WantedKeys = ReadonlyMap<UserId, readonly DeviceId[]>

type ByUser<T> = Record<string, T>
export type QueriedKeys = {
  device_keys: ByUser<Record<string, JsonObject>>
  master_keys: ByUser<JsonObject>
  self_signing_keys: ByUser<JsonObject>
}
/** `failures` by server. */
export type KeysAnswer = QueriedKeys & { user_signing_keys: ByUser<JsonObject>; failures: Record<string, JsonObject> }

/** What other servers say of their users. Never throws: who did not answer is among the failures. */
export type AskForKeys = (
  wanted: WantedKeys,
  timeoutMs: number,
) => Promise<QueriedKeys & { failures: Record<string, JsonObject> }>

export type QueryKeys = {
  queryKeys(viewer: UserId, wanted: WantedKeys, timeoutMs: number): Promise<KeysAnswer>
  /** For another server: users of this one only; others are passed over. */
  queryLocalKeys(wanted: WantedKeys, viewer?: UserId): Promise<QueriedKeys>
}

type Needs = { serverName: ServerName; readKeyBundles: ReadKeyBundles; askForKeys: AskForKeys }

export function makeQueryKeys({ serverName, readKeyBundles, askForKeys }: Needs): QueryKeys {
  async function queryLocalKeys(wanted: WantedKeys, viewer?: UserId): Promise<QueriedKeys> {
    const userIds = [...wanted.keys()].filter((userId) => serverNameOf(userId) === serverName)
    const bundles = await readKeyBundles(userIds)
    const known = userIds.map((userId) => [userId, bundles.get(userId)!] as const)
    return {
      device_keys: Object.fromEntries(
        known.map(([userId, bundle]) => [userId, devicesIn(bundle, wanted.get(userId) ?? [], viewer)]),
      ),
      master_keys: keysIn(known, (bundle) => shownCrossSigningKey(bundle, 'master', viewer)),
      self_signing_keys: keysIn(known, (bundle) => shownCrossSigningKey(bundle, 'self_signing', viewer)),
    }
  }

  return {
    queryLocalKeys,
    async queryKeys(viewer, wanted, timeoutMs) {
      const remote = new Map([...wanted].filter(([userId]) => serverNameOf(userId) !== serverName))
      const [local, theirs, own] = await Promise.all([
        queryLocalKeys(wanted, viewer),
        askForKeys(remote, timeoutMs),
        wanted.has(viewer) ? readKeyBundles([viewer]) : undefined,
      ])
      const bundle = own?.get(viewer)
      const userSigning = bundle && shownCrossSigningKey(bundle, 'user_signing', viewer)
      return {
        device_keys: { ...theirs.device_keys, ...local.device_keys },
        master_keys: { ...theirs.master_keys, ...local.master_keys },
        self_signing_keys: { ...theirs.self_signing_keys, ...local.self_signing_keys },
        user_signing_keys: userSigning ? { [viewer]: userSigning } : {},
        failures: theirs.failures,
      }
    },
  }
}

function devicesIn(
  bundle: KeyBundle,
  wanted: readonly DeviceId[],
  viewer: UserId | undefined,
): Record<string, JsonObject> {
  const shown: [string, JsonObject][] = []
  for (const deviceId of wanted.length > 0 ? new Set(wanted) : bundle.devices.keys()) {
    const keys = shownDeviceKeys(bundle, deviceId, viewer)
    if (!keys) continue
    const displayName = bundle.devices.get(deviceId)?.displayName
    shown.push([deviceId, { ...keys, unsigned: displayName === undefined ? {} : { device_display_name: displayName } }])
  }
  return Object.fromEntries(shown)
}

function keysIn(
  bundles: readonly (readonly [UserId, KeyBundle])[],
  keyOf: (bundle: KeyBundle) => JsonObject | undefined,
): ByUser<JsonObject> {
  return Object.fromEntries(
    bundles.flatMap(([userId, bundle]) => {
      const key = keyOf(bundle)
      return key ? [[userId, key]] : []
    }),
  )
}
