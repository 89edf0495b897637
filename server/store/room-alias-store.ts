/**
 * Room aliases of this server and the rooms it publishes in its directory.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-aliases
 */
import type { RoomAlias, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type AliasRow = { room_id: RoomId; creator: UserId }

export async function readAlias(db: Reader, alias: RoomAlias): Promise<AliasRow | undefined> {
  const [rows] = await db.query<[AliasRow[]]>('SELECT * FROM type::record("room_alias", $alias)', { alias })
  return rows[0]
}

export async function readAliasesOf(db: Reader, roomId: RoomId): Promise<RoomAlias[]> {
  const [rows] = await db.query<[{ alias: RoomAlias }[]]>(
    'SELECT alias FROM room_alias WITH INDEX room_alias_room WHERE room_id = $room',
    { room: roomId },
  )
  return rows.map((row) => row.alias)
}

/** Fails the commit when the alias is taken. */
export const insertAlias = (alias: RoomAlias, row: AliasRow): Write => ({
  op: 'insert',
  table: 'room_alias',
  row: { id: alias, alias, ...row },
})

export const deleteAlias = (alias: RoomAlias): Write => ({ op: 'delete', table: 'room_alias', id: alias })

/** @param of one network of an application service, or all of them besides; else this server's own directory */
export async function readPublishedRooms(
  db: Reader,
  of: { instanceId?: string; withAllNetworks?: boolean } = {},
): Promise<RoomId[]> {
  const { instanceId: instance, withAllNetworks } = of
  type Rows = { room_id: RoomId }[]
  const own = 'SELECT room_id FROM room_directory'
  const lists = withAllNetworks
    ? await db.query<Rows[]>(`${own}; SELECT room_id FROM appservice_room`)
    : instance === undefined
      ? await db.query<Rows[]>(own)
      : await db.query<Rows[]>('SELECT room_id FROM appservice_room:[$instance, NONE]..[$instance, ..]', { instance })
  return [...new Set(lists.flat().map((row) => row.room_id))]
}

/** @param instanceId of a network, as its protocol names it */
export const setNetworkRoom = (instanceId: string, roomId: RoomId): Write =>
  upsertRow('appservice_room', { id: [instanceId, roomId], room_id: roomId })

export const deleteNetworkRoom = (instanceId: string, roomId: RoomId): Write =>
  deleteRow('appservice_room', [instanceId, roomId])

export async function isPublished(db: Reader, roomId: RoomId): Promise<boolean> {
  const [rows] = await db.query<[unknown[]]>('SELECT * FROM type::record("room_directory", $room)', { room: roomId })
  return rows.length > 0
}

export const setPublished = (roomId: RoomId, publishedAt: number): Write => ({
  op: 'upsert',
  table: 'room_directory',
  row: { id: roomId, room_id: roomId, published_at: publishedAt },
})

export const deletePublished = (roomId: RoomId): Write => ({ op: 'delete', table: 'room_directory', id: roomId })
