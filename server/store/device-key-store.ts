/**
 * Identity keys of devices, cross-signing keys, and the signatures that were added to either later.
 *
 * A key is kept as the JSON text that was signed; signatures that come afterwards have rows of their own, because who may
 * see one depends on who made it.
 *
 * Schema: schema/migrations/0003-encryption.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, type StreamPosition, upsertRow, type Write } from './writes.js'

export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing'

/** Of `target`, a device ID or the public key of a cross-signing key. */
export type KeySignatureRow = { target: string; signer: UserId; key_id: string; signature: string }

/** All that is kept of a user's keys. `keys` and `key` are JSON text. */
export type KeyBundleRows = {
  devices: { device_id: DeviceId; keys: string; display_name?: string }[]
  crossSigning: { usage: CrossSigningUsage; key: string }[]
  signatures: KeySignatureRow[]
}

const usersAtOnce = 50

/** One entry for each user, in their order; empty for a user who has no keys. */
export async function readKeyBundles(db: Reader, userIds: readonly UserId[]): Promise<KeyBundleRows[]> {
  const bundles: KeyBundleRows[] = []
  for (let start = 0; start < userIds.length; start += usersAtOnce)
    bundles.push(...(await readSome(db, userIds.slice(start, start + usersAtOnce))))
  return bundles
}

async function readSome(db: Reader, userIds: readonly UserId[]): Promise<KeyBundleRows[]> {
  const bindings = Object.fromEntries(userIds.map((userId, i) => [`u${i}`, userId]))
  const sql = userIds.map((_, i) => bundleSql(`$u${i}`)).join(';')
  const answers = await db.query<unknown[]>(sql, bindings)
  return userIds.map((_, i) => {
    const [keys, names, crossSigning, signatures] = answers.slice(i * 4, i * 4 + 4) as [
      { device_id: DeviceId; keys: string }[],
      { device_id: DeviceId; display_name?: string }[],
      KeyBundleRows['crossSigning'],
      KeySignatureRow[],
    ]
    const named = new Map(names.map(({ device_id, display_name }) => [device_id, display_name]))
    const devices = keys.map((row) => {
      const display_name = named.get(row.device_id)
      return { ...row, ...(display_name !== undefined && { display_name }) }
    })
    return { devices, crossSigning, signatures }
  })
}

const bundleSql = (user: string) => `
  SELECT record::id(id)[1] AS device_id, keys FROM device_key:[${user}, NONE]..[${user}, ..];
  SELECT device_id, display_name FROM device:[${user}, NONE]..[${user}, ..] WHERE display_name != NONE;
  SELECT record::id(id)[1] AS usage, key FROM cross_signing_key:[${user}, NONE]..[${user}, ..];
  SELECT record::id(id)[1] AS target, record::id(id)[2] AS signer, record::id(id)[3] AS key_id, signature
    FROM key_signature:[${user}, NONE]..[${user}, ..]`

/** @param keys JSON text */
export const setDeviceKeys = (userId: UserId, deviceId: DeviceId, keys: string): Write =>
  upsertRow('device_key', { id: [userId, deviceId], keys })

/** @param key JSON text */
export const setCrossSigningKey = (userId: UserId, usage: CrossSigningUsage, key: string): Write =>
  upsertRow('cross_signing_key', { id: [userId, usage], key })

export const deleteCrossSigningKey = (userId: UserId, usage: CrossSigningUsage): Write =>
  deleteRow('cross_signing_key', [userId, usage])

/** @param owner whose key it is that was signed */
export const setKeySignature = (owner: UserId, { target, signer, key_id, signature }: KeySignatureRow): Write =>
  upsertRow('key_signature', { id: [owner, target, signer, key_id], signature })

export const deleteKeySignature = (owner: UserId, row: Omit<KeySignatureRow, 'signature'>): Write =>
  deleteRow('key_signature', [owner, row.target, row.signer, row.key_id])

export type DeviceListChangeRow = {
  position: StreamPosition
  user_id: UserId
  device_ids?: DeviceId[]
  only_for?: UserId
}

/**
 * A user's devices or keys changed at this position.
 *
 * @param deviceIds which of them; none: the cross-signing keys
 * @param onlyFor the only user who is told, where the change is nobody else's to see
 */
export const insertDeviceListChange = (
  position: StreamPosition,
  userId: UserId,
  deviceIds: readonly DeviceId[],
  onlyFor?: UserId,
): Write => ({
  op: 'insert',
  table: 'device_list_change',
  row: {
    id: position,
    user_id: userId,
    device_ids: [...deviceIds],
    ...(onlyFor !== undefined && { only_for: onlyFor }),
  },
})

export const deleteDeviceListChange = (position: number): Write => deleteRow('device_list_change', position)
