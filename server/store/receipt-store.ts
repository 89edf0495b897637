/**
 * Receipt store: how far each user has read, by receipt type and thread, and the checkpoints of unread
 * counts that hang on it.
 *
 * A receipt's id is [room_id, receipt_type, thread_id or '', user_id], so that a room's receipts are
 * one range. `position` is where in the stream it was set; `seq` that of the event, where it was known then.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receipts
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { RoomSeq, StreamPosition, Write } from './writes.js'

export type ReceiptType = 'm.read' | 'm.read.private'

export type ReceiptRow = {
  room_id: RoomId
  receipt_type: ReceiptType
  user_id: UserId
  /** Root of the thread, or `main`; absent for an unthreaded receipt. */
  thread_id?: string
  event_id: EventId
  ts: number
  position: StreamPosition
  seq?: RoomSeq
}

const roomsPerQuery = 50
const fields = 'room_id, receipt_type, user_id, thread_id, event_id, ts, position, seq'

/** All receipts of the rooms, unordered; one query for fifty rooms. */
export async function readReceipts(db: Reader, roomIds: readonly RoomId[]): Promise<ReceiptRow[]> {
  const found: ReceiptRow[] = []
  for (let start = 0; start < roomIds.length; start += roomsPerQuery) {
    const page = roomIds.slice(start, start + roomsPerQuery)
    const statements = page.map((_, at) => `SELECT ${fields} FROM receipt:[$room${at}, NONE]..[$room${at}, ..]`)
    const bindings = Object.fromEntries(page.map((roomId, at) => [`room${at}`, roomId]))
    const results = await db.query<ReceiptRow[][]>(statements.join(';'), bindings)
    for (const rows of results) for (const row of rows) found.push(withoutAbsent(row))
  }
  return found
}

/** The engine answers a field that a row does not have as undefined. */
function withoutAbsent({ thread_id, seq, ...row }: ReceiptRow): ReceiptRow {
  return { ...row, ...(thread_id === undefined ? {} : { thread_id }), ...(seq === undefined ? {} : { seq }) }
}

/** An event that is not known yet leaves `seq` out, and takes away the one that was there. */
export const setReceipt = ({ thread_id: threadId, seq, ...row }: ReceiptRow): Write => ({
  op: 'upsert',
  table: 'receipt',
  row: {
    id: [row.room_id, row.receipt_type, threadId ?? '', row.user_id],
    ...row,
    ...(threadId === undefined ? {} : { thread_id: threadId }),
    seq,
  },
})

/** Unread counts of one thread (`main` for the rest of the room) of everything up to `upto_seq`. */
export type PushCountRow = {
  thread_id: string
  notification_count: number
  highlight_count: number
  /** Seq of the newest event that is counted. */
  upto_seq: RoomSeq
  /** Seq of the unthreaded reading that the counts start from; a later reading voids them. */
  from_seq: number
}

/** All checkpoints of a user, by room. */
export async function readPushCounts(db: Reader, userId: UserId): Promise<Map<RoomId, PushCountRow[]>> {
  const [rows] = await db.query<[(PushCountRow & { room_id: RoomId })[]]>(
    'SELECT *, record::id(id)[1] AS room_id FROM push_count:[$user, NONE]..[$user, ..]',
    { user: userId },
  )
  const byRoom = new Map<RoomId, PushCountRow[]>()
  for (const { room_id, thread_id, notification_count, highlight_count, upto_seq, from_seq } of rows) {
    const row = { thread_id, notification_count, highlight_count, upto_seq, from_seq }
    const ofRoom = byRoom.get(room_id)
    if (ofRoom) ofRoom.push(row)
    else byRoom.set(room_id, [row])
  }
  return byRoom
}

/** Replaces the checkpoint of a user and room. */
export function setPushCounts(userId: UserId, roomId: RoomId, rows: readonly PushCountRow[]): Write[] {
  return [
    { op: 'deleteRange', table: 'push_count', from: [userId, roomId, ''], to: [userId, roomId, '\u{10ffff}'] },
    ...rows.map(
      (row): Write => ({ op: 'upsert', table: 'push_count', row: { id: [userId, roomId, row.thread_id], ...row } }),
    ),
  ]
}
