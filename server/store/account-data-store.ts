/**
 * Account data: JSON that a client keeps for its user, global or for a room. Contents are kept as
 * JSON text, because the engine sorts object keys. The live copy, `account_data`, is the projector's.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { type StreamPosition, upsertRow, type Write } from './writes.js'

export type AccountDataEntry = {
  /** Undefined for global account data. */
  roomId: RoomId | undefined
  type: string
  /** JSON text of an object. */
  content: string
  position: StreamPosition
}

type Stored = { room_id: string; type: string; content: string; position: StreamPosition }

const toEntry = ({ room_id, ...rest }: Stored): AccountDataEntry => ({
  ...rest,
  roomId: room_id === '' ? undefined : (room_id as RoomId),
})

/** @returns JSON text of the content */
export async function readAccountDataEntry(
  db: Reader,
  userId: UserId,
  roomId: RoomId | undefined,
  type: string,
): Promise<string | undefined> {
  const [rows] = await db.query<[{ content: string }[]]>(
    'SELECT content FROM type::record("account_data_entry", [$user, $room, $type])',
    { user: userId, room: roomId ?? '', type },
  )
  return rows[0]?.content
}

/** All account data of a user, global first, or only that of one room. */
export async function readAccountData(db: Reader, userId: UserId, roomId?: RoomId): Promise<AccountDataEntry[]> {
  const range = roomId ? '[$user, $room, NONE]..[$user, $room, ..]' : '[$user, NONE]..[$user, ..]'
  const [rows] = await db.query<[Stored[]]>(
    `SELECT record::id(id)[1] AS room_id, record::id(id)[2] AS type, content, position FROM account_data_entry:${range}`,
    { user: userId, room: roomId },
  )
  return rows.map(toEntry)
}

export const setAccountDataEntry = (userId: UserId, entry: AccountDataEntry): Write =>
  upsertRow('account_data_entry', {
    id: [userId, entry.roomId ?? '', entry.type],
    content: entry.content,
    position: entry.position,
  })
