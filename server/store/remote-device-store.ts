/**
 * Device lists of other servers' users: `remote_device_list:[server, user_id]`, each as one JSON text.
 *
 * Schema: schema/migrations/0004-federation.surql
 */
import { type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type RemoteDeviceListRow = { user_id: UserId; list: string }

const usersAtOnce = 100

export async function readRemoteDeviceLists(db: Reader, userIds: readonly UserId[]): Promise<RemoteDeviceListRow[]> {
  const found: RemoteDeviceListRow[] = []
  for (let start = 0; start < userIds.length; start += usersAtOnce) {
    const some = userIds.slice(start, start + usersAtOnce)
    const bindings: Record<string, string> = {}
    for (const [i, userId] of some.entries()) {
      bindings[`s${i}`] = serverNameOf(userId)
      bindings[`u${i}`] = userId
    }
    const ids = some.map((_, i) => `remote_device_list:[$s${i}, $u${i}]`).join(', ')
    const [rows] = await db.query<[RemoteDeviceListRow[]]>(`SELECT user_id, list FROM ${ids}`, bindings)
    found.push(...rows)
  }
  return found
}

/** Whose lists are kept of a server, at most `limit`, and how long they are together. */
export async function readRemoteDeviceListSizes(
  db: Reader,
  server: ServerName,
  limit: number,
): Promise<{ user_id: UserId; bytes: number }[]> {
  const [rows] = await db.query<[{ user_id: UserId; bytes: number }[]]>(
    'SELECT user_id, bytes FROM remote_device_list:[$server, NONE]..[$server, ..] LIMIT $limit',
    { server, limit },
  )
  return rows
}

export async function readUsersWithDeviceLists(db: Reader, limit: number): Promise<UserId[]> {
  const [users] = await db.query<[UserId[]]>('SELECT VALUE user_id FROM remote_device_list LIMIT $limit', { limit })
  return users
}

export const setRemoteDeviceList = (userId: UserId, list: string): Write =>
  upsertRow('remote_device_list', {
    id: [serverNameOf(userId), userId],
    ...{ user_id: userId, list, bytes: list.length },
  })

export const deleteRemoteDeviceList = (userId: UserId): Write =>
  deleteRow('remote_device_list', [serverNameOf(userId), userId])
