/**
 * Untold leaves: `untold_leave:[user_id, room_id]`, what our users left, or declined, of rooms that live elsewhere while none
 * of the servers to be told of it could be reached. Written with the leave itself.
 *
 * Schema: schema/migrations/0004-federation.surql
 */
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type UntoldLeaveRow = {
  user_id: UserId
  room_id: RoomId
  /** What the membership says here, and is to say still when somebody is told. */
  event_id: EventId
  /** Servers that were not reached. */
  via: ServerName[]
  /** Content of the member event, JSON. */
  content: string
}

const fields = 'user_id, room_id, event_id, via, content'

export async function readUntoldLeaves(db: Reader, limit: number): Promise<UntoldLeaveRow[]> {
  const [rows] = await db.query<[UntoldLeaveRow[]]>(`SELECT ${fields} FROM untold_leave LIMIT $limit`, { limit })
  return rows
}

export async function readUntoldLeave(db: Reader, userId: UserId, roomId: RoomId): Promise<UntoldLeaveRow | undefined> {
  const [rows] = await db.query<[UntoldLeaveRow[]]>(`SELECT ${fields} FROM untold_leave:[$user, $room]`, {
    user: userId,
    room: roomId,
  })
  return rows[0]
}

export const setUntoldLeave = (row: UntoldLeaveRow): Write =>
  upsertRow('untold_leave', { id: [row.user_id, row.room_id], ...row })

export const deleteUntoldLeave = ({ user_id, room_id }: Pick<UntoldLeaveRow, 'user_id' | 'room_id'>): Write =>
  deleteRow('untold_leave', [user_id, room_id])
