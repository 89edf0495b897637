/**
 * Projection store: what the lanes of the projector read and write of the live tables besides their rows.
 *
 * `projection:⟨lane⟩` is how far a lane has come and which form its rows have; it moves in the transaction of the rows
 * it stands for.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { ReceiptRow } from './receipt-store.js'
import { recordId } from './rpc.js'
import { upsertRow, type Write } from './writes.js'

export type LaneName = 'access' | 'events' | 'members' | 'receipts' | 'account_data' | 'pushes' | 'search'

/** @returns undefined before the first write */
export async function readProjection(
  db: Reader,
  name: LaneName,
): Promise<{ position: number; version: number } | undefined> {
  const [row] = await db.query<[{ position: number; version: number } | undefined]>(
    'RETURN $row.{ position, version }',
    {
      row: recordId('projection', name),
    },
  )
  return typeof row?.position === 'number' ? row : undefined
}

export const setProjection = (name: LaneName, position: number, version: number): Write =>
  upsertRow('projection', { id: name, position, version })

export type AccessLevelRow = { user_id: UserId; membership: string; power_level: number }

/** Local users of a room with the power level their row of `room_access` has, by user ID. */
export async function readAccessLevels(
  db: Reader,
  roomId: RoomId,
  after: UserId | '',
  limit: number,
): Promise<AccessLevelRow[]> {
  const [rows] = await db.query<[AccessLevelRow[]]>(
    'SELECT record::id(id)[1] AS user_id, membership, power_level FROM room_access:[$room, $after]>..[$room, ..] LIMIT $limit',
    { room: roomId, after, limit },
  )
  return rows
}

export type ProjectedMember = {
  user_id: UserId
  membership: string
  event_id: EventId
  power_level: number
}

/** Members of a room as the live table has them, by user ID. */
export async function readProjectedMembers(
  db: Reader,
  roomId: RoomId,
  after: UserId | '',
  limit: number,
): Promise<ProjectedMember[]> {
  const [rows] = await db.query<[ProjectedMember[]]>(
    'SELECT user_id, membership, event_id, power_level FROM room_members:[$room, $after]>..[$room, ..] LIMIT $limit',
    { room: roomId, after, limit },
  )
  return rows
}

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

/** Seqs of the rows of `room_events` before `to`, from `from` on. */
export async function readEventIds(
  db: Reader,
  roomId: RoomId,
  from: number | undefined,
  to: number,
): Promise<number[]> {
  const [seqs] = await db.query<[number[]]>('SELECT VALUE seq FROM room_events:[$room, $from]..[$room, $to]', {
    room: roomId,
    from: from ?? Number.MIN_SAFE_INTEGER,
    to,
  })
  return seqs
}

/** Of a user who is erased: the rows of what they said are for those who were there. */
export const closeLiveEvents = (roomId: RoomId, sender: UserId): Write => ({
  op: 'statement',
  sql: `UPDATE room_events:[$room, NONE]..[$room, ..] SET visibility = 'joined' WHERE sender = $sender RETURN NONE`,
  bindings: { room: roomId, sender },
})
