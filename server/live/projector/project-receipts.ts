/** The lanes `receipts` and `account_data`: copies of what the commit stored, read again so that the newest is written. */
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { AccountDataRow, ReceiptRow as LiveReceiptRow } from '../../kernel/live-rows.js'
import { readAccountData, readAccountDataEntry } from '../../store/account-data-store.js'
import type { LiveTables } from '../../store/live.js'
import { readLocalUserIds, readReceiptRows, readRoomIds } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import { type ReceiptRow, readReceipts } from '../../store/receipt-store.js'
import { upsertRow, type Write } from '../../store/writes.js'
import { type LaneParts, type LaneWrites, rowsPerWrite } from './lane.js'
import type { Work } from './work.js'

type Needs = { db: Reader; live: Pick<LiveTables, 'writeLive' | 'empty'> }

/** With so many more waiting, rows go in silently. */
const muchBacklog = 1_000

const divide = (writes: Write[], backlog: number): LaneWrites =>
  backlog > muchBacklog ? { silent: writes } : { loud: writes }

async function writeSilently({ live }: Needs, writes: readonly Write[]): Promise<void> {
  for (let start = 0; start < writes.length; start += rowsPerWrite)
    await live.writeLive(writes.slice(start, start + rowsPerWrite), { silent: true })
}

type ReceiptWork = Extract<Work, { kind: 'receipt' }>
type AccountDataWork = Extract<Work, { kind: 'account_data' }>

export function receiptsLane(needs: Needs): LaneParts {
  const takes = (work: Work): work is ReceiptWork => work.kind === 'receipt'
  return {
    name: 'receipts',
    version: 1,
    streamMs: 50,
    takes,
    build: async (works, backlog) =>
      divide((await readReceiptRows(needs.db, works.filter(takes))).map(receiptWrite), backlog),
    async rebuild(_position, signal) {
      await needs.live.empty('receipts', signal)
      for (const roomId of await readRoomIds(needs.db)) {
        if (signal.aborted) return
        await writeSilently(needs, (await readReceipts(needs.db, [roomId])).map(receiptWrite))
      }
    },
  }
}

export function accountDataLane(needs: Needs): LaneParts {
  const takes = (work: Work): work is AccountDataWork => work.kind === 'account_data'
  return {
    name: 'account_data',
    version: 1,
    streamMs: 50,
    takes,
    async build(works, backlog) {
      const writes: Write[] = []
      for (const { userId, roomId, type } of works.filter(takes)) {
        const json = await readAccountDataEntry(needs.db, userId, roomId, type)
        if (json !== undefined) writes.push(accountDataWrite(userId, roomId, type, json))
      }
      return divide(writes, backlog)
    },
    async rebuild(_position, signal) {
      await needs.live.empty('account_data', signal)
      for (const userId of await readLocalUserIds(needs.db)) {
        if (signal.aborted) return
        const entries = await readAccountData(needs.db, userId)
        await writeSilently(
          needs,
          entries.map(({ roomId, type, content }) => accountDataWrite(userId, roomId, type, content)),
        )
      }
    },
  }
}

/** A receipt of a thread and of the rest of the room are rows of their own; a later one replaces the row. */
function receiptWrite(row: ReceiptRow): Write {
  const live: { [Name in keyof Required<LiveReceiptRow>]: LiveReceiptRow[Name] | undefined } = {
    ...{ room_id: row.room_id, user_id: row.user_id, receipt_type: row.receipt_type, thread_id: row.thread_id },
    ...{ event_id: row.event_id, seq: row.seq, ts: row.ts },
  }
  return upsertRow('receipts', { id: [row.room_id, row.receipt_type, row.thread_id ?? '', row.user_id], ...live })
}

function accountDataWrite(userId: UserId, roomId: RoomId | undefined, type: string, json: string): Write {
  const content = JSON.parse(json) as AccountDataRow['content']
  return upsertRow('account_data', {
    id: [userId, roomId ?? '', type],
    user_id: userId,
    room_id: roomId,
    type,
    content,
  })
}
