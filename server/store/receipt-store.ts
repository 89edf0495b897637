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

/** A checkpoint of what a user has not read in a room, of everything up to `upto_seq`. */
export type PushCount = {
  /** Seq of the newest event that is counted. */
  upto_seq: number
  /** Seq of the unthreaded reading that the counts start from. */
  from_seq: number
  /** Position of the rules that judged. */
  judged_by: number
  threads: readonly ThreadCount[]
}
export type ThreadCount = {
  /** Root of the thread, or `main`. */
  thread_id: string
  notification_count: number
  highlight_count: number
  /** Seq of the reading of this thread alone; 0 for none. */
  read_seq: number
}

/** All checkpoints of a user, by room. */
export async function readPushCounts(db: Reader, userId: UserId): Promise<Map<RoomId, PushCount>> {
  const [rows] = await db.query<[(Omit<PushCount, 'threads'> & { room_id: RoomId; threads: string })[]]>(
    'SELECT record::id(id)[1] AS room_id, upto_seq, from_seq, judged_by, threads FROM push_count:[$user, NONE]..[$user, ..]',
    { user: userId },
  )
  return new Map(rows.map(({ room_id, threads, ...row }) => [room_id, { ...row, threads: JSON.parse(threads) }]))
}

export const setPushCount = (userId: UserId, roomId: RoomId, { threads, ...row }: PushCount): Write => ({
  op: 'upsert',
  table: 'push_count',
  row: { id: [userId, roomId], ...row, threads: JSON.stringify(threads) },
})
