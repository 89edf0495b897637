/**
 * Devices of local users, and what goes with a device when it is deleted: its keys and the
 * messages that wait for it.
 *
 * Schema: schema/migrations/0001-accounts.surql, 0003-encryption.surql
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type RowId, type StreamPosition, upsertRow, type Write } from './writes.js'

export type DeviceRow = {
  user_id: UserId
  device_id: DeviceId
  display_name?: string
  last_seen_ip?: string
  /** Milliseconds since the epoch. */
  last_seen_ts?: number
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
export const setDevice = (
  userId: UserId,
  deviceId: DeviceId,
  fields: { [Name in 'display_name' | 'last_seen_ip' | 'last_seen_ts']?: DeviceRow[Name] | undefined },
): Write => upsertRow('device', { id: [userId, deviceId], user_id: userId, device_id: deviceId, ...fields })

/** Deletes the device with its keys and its waiting messages. */
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
    ofDevice('one_time_key'),
    ofDevice('fallback_key'),
    ofDevice('to_device'),
  ]
}

/** Notes that a user's devices changed at this position: what /sync and /keys/changes tell others. */
export const insertDeviceListChange = (position: StreamPosition, userId: UserId): Write =>
  insertRow('device_list_change', { id: position, user_id: userId })
