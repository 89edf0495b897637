/** How far a user has read in a room, by their own receipts. */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { ReceiptRow } from '../store/receipt-store.js'
import type { Receipts } from './receipts.js'
import { type Reading, readingIn } from './unread-walk.js'

export type ReadReading = (userId: UserId, roomId: RoomId) => Promise<Reading>

type Needs = { rooms: Pick<Rooms, 'readEvent'>; receipts: Pick<Receipts, 'readOwn'> }

export function makeReadReading({ rooms, receipts }: Needs): ReadReading {
  return async (userId, roomId) => {
    const rows: (ReceiptRow & { seq: number })[] = []
    for (const row of await receipts.readOwn(userId, roomId)) {
      const seq = row.seq ?? (await rooms.readEvent(row.event_id))?.seq
      if (seq !== undefined) rows.push({ ...row, seq } as ReceiptRow & { seq: number })
    }
    return readingIn(rows)
  }
}

/** Whether an event of that thread has been read. */
export const isRead = ({ unthreaded, threads }: Reading, seq: number, thread: string): boolean =>
  seq <= unthreaded || seq <= (threads.get(thread) ?? 0)
