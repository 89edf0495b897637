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
       type::record("state", [room_id, state_generation, "m.room.name", ""]).pdu AS name,
       type::record("state", [room_id, state_generation, "m.room.canonical_alias", ""]).pdu AS alias
     FROM room`,
  )
  return rows.map(({ name, alias, ...row }) => ({
    ...row,
    name: contentField(name, 'name'),
    canonical_alias: contentField(alias, 'alias'),
  }))
}

/** What decides who may look into a room or join it. */
export type RoomDoorRow = { room_id: RoomId; join_rule: string | undefined; history_visibility: string | undefined }

export async function readRoomDoors(db: Reader): Promise<RoomDoorRow[]> {
  type Stored = { room_id: RoomId; rules?: string; visibility?: string }
  const [rows] = await db.query<[Stored[]]>(
    `SELECT room_id,
       type::record("state", [room_id, state_generation, "m.room.join_rules", ""]).pdu AS rules,
       type::record("state", [room_id, state_generation, "m.room.history_visibility", ""]).pdu AS visibility
     FROM room`,
  )
  return rows.map(({ room_id, rules, visibility }) => ({
    room_id,
    join_rule: contentField(rules, 'join_rule'),
    history_visibility: contentField(visibility, 'history_visibility'),
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
