/**
 * One-time and fallback keys, and which one-time keys were given out.
 *
 * A one-time key lies under the position of its upload, so that the first of a range is the oldest. Giving one out deletes
 * it and writes the row by which a repeated upload of it is known, in one transaction. Who changes the keys of a device
 * does so in that device's turn (`encryption/one-time-keys.ts`): rows are read before they are written.
 *
 * Schema: schema/migrations/0003-encryption.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { recordId } from './rpc.js'
import { deleteRow, insertRow, type StreamPosition, upsertRow, type Write } from './writes.js'

export type Device = { userId: UserId; deviceId: DeviceId }
/** `key` is JSON text. */
export type OneTimeKeyRow = { algorithm: string; position: StreamPosition; key_id: string; key: string }
export type FallbackKeyRow = { algorithm: string; key_id: string; key: string; used: boolean }
export type NamedKey = { algorithm: string; key_id: string }

const oneTimeKeys = 'record::id(id)[2] AS algorithm, record::id(id)[3] AS position, record::id(id)[4] AS key_id, key'

export type KeysOfDevice = {
  oneTime: OneTimeKeyRow[]
  fallback: FallbackKeyRow[]
  /** Of the keys that were asked about, those that were given out, with the hash of each. */
  claimed: (NamedKey & { hash: string })[]
}

/** @param named keys of which is wanted whether they were given out */
export async function readKeysOfDevice(
  db: Reader,
  { userId, deviceId }: Device,
  named: readonly NamedKey[],
): Promise<KeysOfDevice> {
  const [oneTime, fallback, claimed] = await db.query<[OneTimeKeyRow[], FallbackKeyRow[], KeysOfDevice['claimed']]>(
    `SELECT ${oneTimeKeys} FROM one_time_key:[$user, $device, NONE]..[$user, $device, ..];
     SELECT record::id(id)[2] AS algorithm, key_id, key, used FROM fallback_key:[$user, $device, NONE]..[$user, $device, ..];
     RETURN $ids.{ algorithm, key_id, hash }`,
    {
      user: userId,
      device: deviceId,
      ids: named.map(({ algorithm, key_id }) => recordId('claimed_key', [userId, deviceId, algorithm, key_id])),
    },
  )
  return { oneTime, fallback, claimed: claimed.filter((row) => row?.hash !== undefined && row.hash !== null) }
}

/** The key to give out next, and the fallback key, each where there is one. */
export async function readNextKey(
  db: Reader,
  { userId, deviceId }: Device,
  algorithm: string,
): Promise<{ oneTime: OneTimeKeyRow | undefined; fallback: FallbackKeyRow | undefined }> {
  const [[oneTime], [fallback]] = await db.query<[OneTimeKeyRow[], FallbackKeyRow[]]>(
    `SELECT ${oneTimeKeys} FROM one_time_key:[$user, $device, $algorithm, NONE]..[$user, $device, $algorithm, ..] LIMIT 1;
     SELECT record::id(id)[2] AS algorithm, key_id, key, used FROM type::record('fallback_key', [$user, $device, $algorithm])`,
    { user: userId, device: deviceId, algorithm },
  )
  return { oneTime, fallback }
}

export const insertOneTimeKey = ({ userId, deviceId }: Device, row: OneTimeKeyRow): Write =>
  insertRow('one_time_key', { id: [userId, deviceId, row.algorithm, row.position, row.key_id], key: row.key })

export const deleteOneTimeKey = ({ userId, deviceId }: Device, row: Omit<OneTimeKeyRow, 'key'>): Write =>
  deleteRow('one_time_key', [userId, deviceId, row.algorithm, row.position, row.key_id])

/** @param hash of the key, without its signatures: another key may come under the same ID */
export const setClaimed = ({ userId, deviceId }: Device, key: NamedKey, hash: string, claimedAt: number): Write =>
  upsertRow('claimed_key', {
    id: [userId, deviceId, key.algorithm, key.key_id],
    ...{ algorithm: key.algorithm, key_id: key.key_id, hash, claimed_at: claimedAt },
  })

/** At most `limit` IDs of rows that are older than `before`, in milliseconds since the epoch. */
export async function readOldClaimedKeys(db: Reader, before: number, limit: number): Promise<string[][]> {
  const [ids] = await db.query<[string[][]]>(
    'SELECT VALUE record::id(id) FROM claimed_key WITH INDEX claimed_key_claimed_at WHERE claimed_at < $before LIMIT $limit',
    { before, limit },
  )
  return ids
}

export const deleteClaimedKey = (id: readonly string[]): Write => deleteRow('claimed_key', id)

export const setFallbackKey = ({ userId, deviceId }: Device, row: FallbackKeyRow): Write => {
  const { algorithm, key_id, key, used } = row
  return upsertRow('fallback_key', { id: [userId, deviceId, algorithm], key_id, key, used })
}

export const deleteFallbackKey = ({ userId, deviceId }: Device, algorithm: string): Write =>
  deleteRow('fallback_key', [userId, deviceId, algorithm])

/** Notes that the key was given out. One that was replaced or deleted meanwhile stays as it is. */
export const setFallbackKeyUsed = ({ userId, deviceId }: Device, { algorithm, key_id }: NamedKey): Write => ({
  op: 'statement',
  sql: 'UPDATE type::record("fallback_key", [$user, $device, $algorithm]) SET used = true WHERE key_id = $key RETURN NONE',
  bindings: { user: userId, device: deviceId, algorithm, key: key_id },
})

/** IDs of one-time keys of all devices, at most `limit`. */
export async function readSomeOneTimeKeys(db: Reader, limit: number): Promise<(string | number)[][]> {
  const [ids] = await db.query<[(string | number)[][]]>('SELECT VALUE record::id(id) FROM one_time_key LIMIT $limit', {
    limit,
  })
  return ids
}

export const deleteOneTimeKeyById = (id: readonly (string | number)[]): Write => deleteRow('one_time_key', id)
