/**
 * What other servers have been told of our users' devices, and which messages to devices they have sent us.
 *
 * Schema: schema/migrations/0003-encryption.surql, 0004-federation.surql
 */
import type { ServerName, UserId } from '../kernel/identifiers.js'
import type { DeviceListChangeRow } from './device-key-store.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

/** Stream ID of the last update about a user; 0: none yet. */
export async function readStreamId(db: Reader, userId: UserId): Promise<number> {
  const [rows] = await db.query<[{ stream_id: number }[]]>(
    'SELECT stream_id FROM type::record("device_stream", $user)',
    { user: userId },
  )
  return rows[0]?.stream_id ?? 0
}

export const setStreamId = (userId: UserId, streamId: number): Write =>
  upsertRow('device_stream', { id: userId, stream_id: streamId })

/** Up to which position changes of device lists are in the outboxes; undefined before the first. */
export async function readDeviceListMark(db: Reader): Promise<number | undefined> {
  const [rows] = await db.query<[{ position: number }[]]>('SELECT position FROM server_meta:device_lists_sent')
  return rows[0]?.position
}

export const setDeviceListMark = (position: number): Write =>
  upsertRow('server_meta', { id: 'device_lists_sent', position })

/** Changes after one position up to another, oldest first, at most `limit`. */
export async function readDeviceListRows(
  db: Reader,
  after: number,
  upTo: number,
  limit: number,
): Promise<DeviceListChangeRow[]> {
  const [rows] = await db.query<[DeviceListChangeRow[]]>(
    'SELECT record::id(id) AS position, user_id, device_ids, only_for FROM $range LIMIT $limit',
    { range: idRange('device_list_change', after + 1, upTo + 1), limit },
  )
  return rows
}

/** Fails its unit where the message has come before. */
export const insertReceivedMessage = (origin: ServerName, messageId: string, receivedAt: number): Write =>
  insertRow('received_message', { id: [origin, messageId], received_at: receivedAt })

/** At most `limit` IDs of rows that are older than `before`, in milliseconds since the epoch. */
export async function readOldReceivedMessages(db: Reader, before: number, limit: number): Promise<string[][]> {
  const [ids] = await db.query<[string[][]]>(
    'SELECT VALUE record::id(id) FROM received_message WITH INDEX received_message_received_at WHERE received_at < $before LIMIT $limit',
    { before, limit },
  )
  return ids
}

export const deleteReceivedMessage = (id: readonly string[]): Write => deleteRow('received_message', id)
