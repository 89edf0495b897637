/** `receipts` and `account_data`: copies of what the commit stored, read again so that the newest is written. */

import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { AccountDataRow, ReceiptRow as LiveReceiptRow } from '../../kernel/live-rows.js'
import { readAccountDataEntry } from '../../store/account-data-store.js'
import { readReceiptRows } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import { upsertRow, type Write } from '../../store/writes.js'
import type { Work } from './work.js'

/** A receipt of a thread and of the rest of the room are rows of their own; a later one replaces the row. */
export function receiptWrite(row: ReceiptRow): Write {
  const live: { [Name in keyof Required<LiveReceiptRow>]: LiveReceiptRow[Name] | undefined } = {
    ...{ room_id: row.room_id, user_id: row.user_id, receipt_type: row.receipt_type, thread_id: row.thread_id },
    ...{ event_id: row.event_id, seq: row.seq, ts: row.ts },
  }
  return upsertRow('receipts', { id: [row.room_id, row.receipt_type, row.thread_id ?? '', row.user_id], ...live })
}

export async function receiptWrites(
  db: Reader,
  works: readonly Extract<Work, { kind: 'receipt' }>[],
): Promise<Write[]> {
  return (await readReceiptRows(db, works)).map(receiptWrite)
}

export function accountDataWrite(userId: UserId, roomId: RoomId | undefined, type: string, json: string): Write {
  const content = JSON.parse(json) as AccountDataRow['content']
  return upsertRow('account_data', {
    id: [userId, roomId ?? '', type],
    user_id: userId,
    room_id: roomId,
    type,
    content,
  })
}

export async function accountDataWrites(
  db: Reader,
  works: readonly Extract<Work, { kind: 'account_data' }>[],
): Promise<Write[]> {
  const writes: Write[] = []
  for (const { userId, roomId, type } of works) {
    const json = await readAccountDataEntry(db, userId, roomId, type)
    if (json !== undefined) writes.push(accountDataWrite(userId, roomId, type, json))
  }
  return writes
}
