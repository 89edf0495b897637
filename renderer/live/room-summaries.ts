/** The user's rooms, invites included: one row each, kept by one live query on their own rows. */
import type { RoomSummaryRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

export type RoomSummaries = {
  /** By room ID; undefined until the first snapshot. */
  rooms: ReadonlyMap<string, RoomSummaryRow> | undefined
}

export function startRoomSummaries(connection: LiveConnection, userId: string): Store<RoomSummaries> {
  const store = makeStore<RoomSummaries>({ rooms: undefined })
  let changed = new Map<string, RoomSummaryRow | undefined>()

  const flush = coalesce(() => {
    const rooms = new Map(store.get().rooms)
    for (const [roomId, row] of changed) {
      if (row) rooms.set(roomId, row)
      else rooms.delete(roomId)
    }
    changed = new Map()
    store.set({ rooms })
  })

  connection.watch<RoomSummaryRow>({
    live: 'LIVE SELECT * FROM room_summaries WHERE user_id = $user_id',
    bindings: () => ({ user_id: userId }),
    select: () => ({ statements: ['SELECT * FROM room_summaries:[$user_id, NONE]..[$user_id, ..]'] }),
    onSnapshot([rows]) {
      changed = new Map()
      store.set({ rooms: new Map((rows as RoomSummaryRow[]).map((row) => [row.room_id, row])) })
    },
    onChange({ action, row }) {
      changed.set(row.room_id, action === 'DELETE' ? undefined : newer(row, changed.get(row.room_id)))
      flush()
    },
  })
  return store
}

/** Notifications overtake each other; `position` does not. */
const newer = (row: RoomSummaryRow, other: RoomSummaryRow | undefined) =>
  other && other.position > row.position ? other : row
