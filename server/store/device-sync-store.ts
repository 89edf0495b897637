/**
 * What /sync reads of the tables that the server carries for devices: messages to a device, changes of device
 * lists, and how many keys of a device are left.
 *
 * Schema: schema/migrations/0003-encryption.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import type { StreamPosition, Write } from './writes.js'

export type ToDeviceRow = {
  sender: UserId
  type: string
  /** JSON text of the content. */
  content: string
  position: StreamPosition
}

/** Messages to a device up to a position, oldest first. */
export async function readToDevice(
  db: Reader,
  userId: UserId,
  deviceId: DeviceId,
  upTo: StreamPosition,
): Promise<ToDeviceRow[]> {
  const [rows] = await db.query<[ToDeviceRow[]]>(
    `SELECT sender, type, content, record::id(id)[2] AS position
     FROM to_device:[$user, $device, NONE]..=[$user, $device, $to]`,
    { user: userId, device: deviceId, to: upTo },
  )
  return rows.sort((a, b) => a.position - b.position)
}

/** Deletes the messages that a device has acknowledged: those up to the position it syncs on from. */
export const deleteToDevice = (userId: UserId, deviceId: DeviceId, upTo: StreamPosition): Write => ({
  op: 'deleteRange',
  table: 'to_device',
  from: [userId, deviceId, 0],
  to: [userId, deviceId, upTo + 1],
})

/** Users whose device list changed after `since` up to `upTo`, both as positions. */
export async function readDeviceListChanges(db: Reader, since: number, upTo: number): Promise<UserId[]> {
  const [rows] = await db.query<[UserId[]]>('SELECT VALUE user_id FROM $range', {
    range: idRange('device_list_change', since + 1, upTo + 1),
  })
  return [...new Set(rows)]
}

export type KeyCounts = {
  /** Unclaimed one-time keys by algorithm. */
  oneTimeKeys: Record<string, number>
  /** Algorithms that have an unused fallback key. */
  unusedFallbackKeys: string[]
}

export async function readKeyCounts(db: Reader, userId: UserId, deviceId: DeviceId): Promise<KeyCounts> {
  const [algorithms, fallbacks] = await db.query<[string[], { algorithm: string; used?: boolean }[]]>(
    `SELECT VALUE record::id(id)[2] FROM one_time_key:[$user, $device, NONE]..[$user, $device, ..];
     SELECT record::id(id)[2] AS algorithm, used FROM fallback_key:[$user, $device, NONE]..[$user, $device, ..]`,
    { user: userId, device: deviceId },
  )
  const oneTimeKeys: Record<string, number> = {}
  for (const algorithm of algorithms) oneTimeKeys[algorithm] = (oneTimeKeys[algorithm] ?? 0) + 1
  return { oneTimeKeys, unusedFallbackKeys: fallbacks.filter(({ used }) => !used).map(({ algorithm }) => algorithm) }
}
