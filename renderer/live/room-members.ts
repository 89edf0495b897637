/**
 * The members of one room, by user ID.
 *
 * A small room is read whole when it is opened. Of a large one only the members that the timeline
 * shows are read, until the member list asks for all.
 */
import { RecordId } from 'surrealdb'
import type { RoomMemberRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'

export type RoomMembers = {
  members: ReadonlyMap<string, RoomMemberRow>
  /** Every member is here, not only those someone asked for. */
  isComplete: boolean
}

export type MembersOfRoom = {
  store: Store<RoomMembers>
  open(): void
  close(): void
  /** Reads these members if they are not here yet. */
  need(userIds: readonly string[]): void
  /** Reads all, page by page. */
  readAll(): Promise<void>
}

const wholeUpTo = 500
const pageSize = 1000

/** @param countMembers how many the room has, as far as is known */
export function makeRoomMembers(roomId: string, connection: LiveConnection, countMembers: () => number): MembersOfRoom {
  const store = makeStore<RoomMembers>({ members: new Map(), isComplete: false })
  const asked = new Set<string>()
  const wanted: string[] = []
  const changed: RoomMemberRow[] = []
  let stop: (() => void) | undefined
  let reading: Promise<void> | undefined

  function put(rows: readonly RoomMemberRow[], isComplete = store.get().isComplete): void {
    const members = new Map(store.get().members)
    for (const row of rows) {
      const known = members.get(row.user_id)
      if (!known || known.position <= row.position) members.set(row.user_id, row)
    }
    store.set({ members, isComplete })
  }

  const flush = coalesce(() => put(changed.splice(0)))

  const readWanted = coalesce(async () => {
    const userIds = wanted.splice(0)
    if (userIds.length === 0 || !stop) return
    try {
      const ids = userIds.map((userId) => new RecordId('room_members', [roomId, userId]))
      put((await connection.query('SELECT * FROM $ids', { ids })).flat() as RoomMemberRow[])
    } catch {
      for (const userId of userIds) asked.delete(userId) // asked again when next shown
    }
  })

  async function readPages(): Promise<void> {
    let after = ''
    for (;;) {
      const [rows] = (await connection.query(
        `SELECT * FROM room_members:[$room_id, $after]>..[$room_id, ..] LIMIT ${pageSize}`,
        { room_id: roomId, after },
      )) as [RoomMemberRow[]]
      put(rows, rows.length < pageSize)
      if (rows.length < pageSize) return
      after = rows.at(-1)!.user_id
    }
  }

  return {
    store,
    open() {
      stop ??= connection.watch<RoomMemberRow>({
        live: 'LIVE SELECT * FROM room_members WHERE room_id = $room_id',
        bindings: () => ({ room_id: roomId }),
        select: () =>
          countMembers() <= wholeUpTo || store.get().isComplete
            ? { statements: ['SELECT * FROM room_members:[$room_id, NONE]..[$room_id, ..]'] }
            : { statements: [] },
        onSnapshot([rows]) {
          if (rows && rows.length < pageSize) {
            store.set({ members: new Map(), isComplete: false })
            put(rows as RoomMemberRow[], true)
          } else if (rows) {
            void readAllOnce()
          }
        },
        onChange({ action, row }) {
          if (action === 'DELETE') return
          changed.push(row)
          flush()
        },
      })
    },
    close() {
      stop?.()
      stop = undefined
      asked.clear()
    },
    need(userIds) {
      if (store.get().isComplete) return
      for (const userId of userIds) {
        if (asked.has(userId)) continue
        asked.add(userId)
        wanted.push(userId)
      }
      if (wanted.length > 0) readWanted()
    },
    readAll: () => readAllOnce(),
  }

  function readAllOnce(): Promise<void> {
    if (store.get().isComplete) return Promise.resolve()
    reading ??= readPages().finally(() => {
      reading = undefined
    })
    return reading
  }
}
