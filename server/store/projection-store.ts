/**
 * Projection store: what the projector reads and writes of the live tables besides their rows.
 *
 * `projection:⟨name⟩` is how far a projection has come. `live` moves in the transaction of the rows it
 * stands for; `summaries` trails it, as summaries are coalesced.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { ReceiptRow } from './receipt-store.js'
import { recordId } from './rpc.js'
import { upsertRow, type Write } from './writes.js'

export type ProjectionName = 'live' | 'summaries'

/** @returns undefined before the first write */
export async function readProjection(
  db: Reader,
  name: ProjectionName,
): Promise<{ position: number; version: number } | undefined> {
  const [row] = await db.query<[{ position: number; version: number } | undefined]>(
    'RETURN $row.{ position, version }',
    {
      row: recordId('projection', name),
    },
  )
  return typeof row?.position === 'number' ? row : undefined
}

export const setProjection = (name: ProjectionName, position: number, version: number): Write =>
  upsertRow('projection', { id: name, position, version })

export type ProjectedMember = { user_id: UserId; membership: string; event_id: EventId; power_level: number }

/** Members of a room as the live table has them. */
export async function readProjectedMembers(db: Reader, roomId: RoomId): Promise<ProjectedMember[]> {
  const [rows] = await db.query<[ProjectedMember[]]>(
    'SELECT user_id, membership, event_id, power_level FROM room_members:[$room, NONE]..[$room, ..]',
    { room: roomId },
  )
  return rows
}

/** Adds to the number of rooms that pairs of users share; counts that are missing begin at 0 (`(rooms ?? 0) + …` stays at 0). */
export const addSharedRooms = (changes: readonly { local: UserId; other: UserId; by: number }[]): Write => ({
  op: 'statement',
  sql: 'INSERT INTO shared_users $rows ON DUPLICATE KEY UPDATE rooms += $input.rooms RETURN NONE',
  bindings: {
    rows: changes.map(({ local, other, by }) => ({ id: recordId('shared_users', [local, other]), rooms: by })),
  },
})

export type ReceiptKey = { roomId: RoomId; receiptType: string; threadId: string | undefined; userId: UserId }

/** The receipts that are there, in no particular order. */
export async function readReceiptRows(db: Reader, keys: readonly ReceiptKey[]): Promise<ReceiptRow[]> {
  if (keys.length === 0) return []
  const [rows] = await db.query<[ReceiptRow[]]>('SELECT * FROM $ids', {
    ids: keys.map(({ roomId, receiptType, threadId, userId }) =>
      recordId('receipt', [roomId, receiptType, threadId ?? '', userId]),
    ),
  })
  return rows
}

/** Every room this server knows, for a rebuild. */
export async function readRoomIds(db: Reader): Promise<RoomId[]> {
  const [ids] = await db.query<[RoomId[]]>('SELECT VALUE room_id FROM room')
  return ids
}

/** Every local account, for a rebuild. */
export async function readLocalUserIds(db: Reader): Promise<UserId[]> {
  const [ids] = await db.query<[UserId[]]>('SELECT VALUE record::id(id) FROM user')
  return ids
}

/** The live tables that a rebuild writes anew. */
export const projectedTables = [
  'room_events',
  'room_members',
  'room_summaries',
  'shared_users',
  'receipts',
  'account_data',
] as const
