/**
 * Names of all rooms, for lists of them.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'

export type RoomNameRow = {
  room_id: RoomId
  version: string
  last_position: number
  name: string | undefined
  canonical_alias: string | undefined
}

export async function readRoomNames(db: Reader): Promise<RoomNameRow[]> {
  type Stored = { room_id: RoomId; version: string; last_position: number; name?: string; alias?: string }
  const [rows] = await db.query<[Stored[]]>(
    `SELECT room_id, version, last_position,
       type::record("state", [room_id, "m.room.name", ""]).pdu AS name,
       type::record("state", [room_id, "m.room.canonical_alias", ""]).pdu AS alias
     FROM room`,
  )
  return rows.map(({ name, alias, ...row }) => ({
    ...row,
    name: contentField(name, 'name'),
    canonical_alias: contentField(alias, 'alias'),
  }))
}

/** Whether a room is in the public directory. */
export async function isPublished(db: Reader, roomId: RoomId): Promise<boolean> {
  const [rows] = await db.query<[unknown[]]>('SELECT * FROM type::record("room_directory", $room)', { room: roomId })
  return rows.length > 0
}

function contentField(pdu: string | undefined, field: string): string | undefined {
  if (pdu === undefined) return undefined
  const value = (JSON.parse(pdu) as { content?: Record<string, unknown> }).content?.[field]
  return typeof value === 'string' ? value : undefined
}
