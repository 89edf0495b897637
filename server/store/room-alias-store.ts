/**
 * Room aliases of this server and the rooms it publishes in its directory.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-aliases
 */
import type { RoomAlias, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

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

export async function readPublishedRooms(db: Reader): Promise<RoomId[]> {
  const [rows] = await db.query<[{ room_id: RoomId }[]]>('SELECT room_id FROM room_directory')
  return rows.map((row) => row.room_id)
}

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
