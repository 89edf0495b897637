/** Read receipts of one room: how far each member has read, by user ID. */
import type { ReceiptRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

export type Receipts = ReadonlyMap<string, ReceiptRow>
export type ReceiptsOfRoom = { store: Store<Receipts>; open(): void; close(): void }

export function makeRoomReceipts(roomId: string, connection: LiveConnection): ReceiptsOfRoom {
  const store = makeStore<Receipts>(new Map())
  let stop: (() => void) | undefined
  let arrived: ReceiptRow[] = []
  const put = (rows: readonly ReceiptRow[]) => {
    const next = new Map(store.get())
    for (const row of rows) {
      const known = next.get(row.user_id)
      if (!known || known.ts <= row.ts) next.set(row.user_id, row)
    }
    store.set(next)
  }
  const flush = coalesce(() => put(arrived.splice(0)))
  return {
    store,
    open() {
      stop ??= connection.watch<ReceiptRow>({
        live: 'LIVE SELECT * FROM receipts WHERE room_id = $room_id',
        bindings: () => ({ room_id: roomId }),
        select: () => ({ statements: ['SELECT * FROM receipts:[$room_id, NONE]..[$room_id, ..] LIMIT 1000'] }),
        onSnapshot([rows]) {
          store.set(new Map())
          put(rows as ReceiptRow[])
        },
        onChange({ action, row }) {
          if (action === 'DELETE') return
          arrived.push(row)
          flush()
        },
      })
    },
    close() {
      stop?.()
      stop = undefined
      arrived = []
    },
  }
}
