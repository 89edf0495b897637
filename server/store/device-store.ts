/**
 * Devices of local users, and what goes with a device when it is deleted: its keys and the
 * messages that wait for it.
 *
 * Schema: schema/migrations/0001-accounts.surql, 0003-encryption.surql
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { RangeToClear } from './clear-ranges.js'
import type { Reader } from './reader.js'
import { deleteTxnsOf, txnsOf } from './transaction-id-store.js'
import { deleteRow, type RowId, upsertRow, type Write } from './writes.js'

export type DeviceRow = {
  user_id: UserId
  device_id: DeviceId
  display_name?: string
  last_seen_ip?: string
  /** Milliseconds since the epoch. */
  last_seen_ts?: number
  last_seen_user_agent?: string
}

/** The devices of a user by device ID. */
export async function readDevices(db: Reader, userId: UserId): Promise<DeviceRow[]> {
  const [rows] = await db.query<[DeviceRow[]]>('SELECT * OMIT id FROM device:[$user, NONE]..[$user, ..]', {
    user: userId,
  })
  return rows
}

export async function readDevice(db: Reader, userId: UserId, deviceId: DeviceId): Promise<DeviceRow | undefined> {
  const [rows] = await db.query<[DeviceRow[]]>('SELECT * OMIT id FROM type::record("device", [$user, $device])', {
    user: userId,
    device: deviceId,
  })
  return rows[0]
}

/** Creates the device, or sets the given members of it; undefined removes one. */
export const setDevice = (userId: UserId, deviceId: DeviceId, fields: { display_name?: string | undefined }): Write =>
  upsertRow('device', { id: [userId, deviceId], user_id: userId, device_id: deviceId, ...fields })

/** Where and when the device was last seen. One that is gone by now stays gone. */
export const noteDeviceSeen = (
  userId: UserId,
  deviceId: DeviceId,
  seen: Required<Pick<DeviceRow, 'last_seen_ip' | 'last_seen_ts'>> & {
    last_seen_user_agent?: string | undefined
  },
): Write => ({
  op: 'statement',
  sql: 'UPDATE type::record("device", [$user, $device]) SET last_seen_ip = $ip, last_seen_ts = $ts, last_seen_user_agent = $agent RETURN NONE',
  bindings: {
    ...{ user: userId, device: deviceId, ip: seen.last_seen_ip, ts: seen.last_seen_ts },
    agent: seen.last_seen_user_agent,
  },
})

/** Of which a device may have many rows. */
const storeTables = ['to_device_message', 'one_time_key', 'claimed_key', 'key_signature'] as const

/** What lies in store for a device, and the answers kept for it: all of which there may be much. */
export const rangesOfDevice = (userId: UserId, deviceId: DeviceId): RangeToClear[] => [
  ...storeTables.map((table) => ({ table, prefix: [userId, deviceId] })),
  txnsOf(userId, deviceId),
]

export async function readDehydratedDevice(
  db: Reader,
  userId: UserId,
): Promise<{ device_id: DeviceId; data: string } | undefined> {
  const [rows] = await db.query<[{ device_id: DeviceId; data: string }[]]>(
    'SELECT device_id, data FROM type::record("dehydrated_device", $user)',
    { user: userId },
  )
  return rows[0]
}

/** @param data JSON text */
export const setDehydratedDevice = (userId: UserId, deviceId: DeviceId, data: string): Write =>
  upsertRow('dehydrated_device', { id: userId, device_id: deviceId, data })

/** Where it is that device. */
export const deleteDehydratedDevice = (userId: UserId, deviceId: DeviceId): Write => ({
  op: 'statement',
  sql: 'DELETE type::record("dehydrated_device", $user) WHERE device_id = $device RETURN NONE',
  bindings: { user: userId, device: deviceId },
})

/** Deletes the device with its keys, its waiting messages and the answers kept for its transaction IDs. */
export function deleteDevice(userId: UserId, deviceId: DeviceId): Write[] {
  const id: RowId = [userId, deviceId]
  const ofDevice = (table: string): Write => ({
    op: 'statement',
    sql: `DELETE ${table}:[$user, $device, NONE]..[$user, $device, ..] RETURN NONE`,
    bindings: { user: userId, device: deviceId },
  })
  return [
    deleteRow('device', id),
    deleteRow('device_key', id),
    deleteDehydratedDevice(userId, deviceId),
    ...[...storeTables, 'fallback_key'].map(ofDevice),
    deleteTxnsOf(userId, deviceId),
  ]
}
