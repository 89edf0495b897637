/**
 * Upgrades that are not done: `room_upgrade:⟨old room⟩`, written before the first step and deleted after the last.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type RoomUpgradeRow = {
  room_id: RoomId
  user_id: UserId
  started_at: number
  /** The new room, where its ID is known before it is made. */
  replacement?: RoomId
  /** Power levels (JSON) that the new room gets when it is whole, where these are others than those it is made with. */
  levels?: string
  /** Power levels (JSON) of the old room when it is closed. */
  closed: string
}

const fields = 'room_id, user_id, started_at, replacement, levels, closed'

export async function readRoomUpgrades(db: Reader): Promise<RoomUpgradeRow[]> {
  const [rows] = await db.query<[RoomUpgradeRow[]]>(`SELECT ${fields} FROM room_upgrade`)
  return rows
}

export async function readRoomUpgrade(db: Reader, roomId: RoomId): Promise<RoomUpgradeRow | undefined> {
  const [rows] = await db.query<[RoomUpgradeRow[]]>(`SELECT ${fields} FROM type::record('room_upgrade', $room)`, {
    room: roomId,
  })
  return rows[0]
}

export const setRoomUpgrade = (row: RoomUpgradeRow): Write => upsertRow('room_upgrade', { id: row.room_id, ...row })

export const deleteRoomUpgrade = (roomId: RoomId): Write => deleteRow('room_upgrade', roomId)
