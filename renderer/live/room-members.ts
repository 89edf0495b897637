/**
 * The members of one room, by user ID.
 *
 * A small room is read whole when it is opened. Of a large one only the members that the timeline
 * shows are read, until the member list asks for all. The server makes the rows of a large room when it is opened, and
 * tells of bulk by nothing but the count in the room's summary: where that is another than here, they are read again.
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
/** Live rows are given a moment; then it is read again, with longer and longer waits where the counts stay different. */
const countPatienceMs = 500
const longestPatienceMs = 8_000
/** A member who is not in the table yet is asked for again so often. */
const tries = 4

export type JoinedCount = {
  /** How many have joined the room, as far as is known. */
  read(): number
  /** Calls back on each change of the room's summary; returns a function that stops it. */
  onChange(listener: () => void): () => void
}

export function makeRoomMembers(roomId: string, connection: LiveConnection, joined: JoinedCount): MembersOfRoom {
  const store = makeStore<RoomMembers>({ members: new Map(), isComplete: false })
  const asked = new Set<string>()
  const wanted: string[] = []
  const changed: RoomMemberRow[] = []
  let stop: (() => void) | undefined
  let stopCounting: (() => void) | undefined
  let countTimer: ReturnType<typeof setTimeout> | undefined
  let patienceMs = countPatienceMs
  const missing = new Map<string, number>()
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
      const rows = (await connection.query('SELECT * FROM $ids', { ids })).flat() as RoomMemberRow[]
      put(rows)
      askAgain(userIds, new Set(rows.map((row) => row.user_id)))
    } catch {
      for (const userId of userIds) asked.delete(userId) // asked again when next shown
    }
  })

  /** Their rows may be on the way: the server makes those of a large room when it is opened. */
  function askAgain(userIds: readonly string[], found: ReadonlySet<string>): void {
    const lacking = userIds.filter((userId) => !found.has(userId))
    for (const userId of lacking) missing.set(userId, (missing.get(userId) ?? 0) + 1)
    const again = lacking.filter((userId) => missing.get(userId)! < tries)
    if (again.length === 0) return
    setTimeout(() => {
      if (!stop || store.get().isComplete) return
      wanted.push(...again)
      readWanted()
    }, countPatienceMs)
  }

  /** The rows that came and the summary's count must agree in the end. */
  function compareCounts(): void {
    if (countTimer || !stop || !store.get().isComplete) return
    if (countJoined() === joined.read()) {
      patienceMs = countPatienceMs
      return
    }
    countTimer = setTimeout(() => {
      countTimer = undefined
      if (!stop || countJoined() === joined.read()) return
      patienceMs = Math.min(2 * patienceMs, longestPatienceMs)
      reading ??= readPages().finally(() => {
        reading = undefined
      })
      void reading.then(compareCounts, () => undefined) // lost: the next start reads all
    }, patienceMs)
  }

  function countJoined(): number {
    let count = 0
    for (const { membership } of store.get().members.values()) if (membership === 'join') count++
    return count
  }

  async function readPages(): Promise<void> {
    let after = ''
    for (;;) {
      const [rows] = (await connection.query(
        `SELECT * FROM room_members:[$room_id, $after]>..[$room_id, ..] LIMIT ${pageSize}`,
        { room_id: roomId, after },
      )) as [RoomMemberRow[]]
      put(rows, rows.length < pageSize || store.get().isComplete)
      if (rows.length < pageSize) return
      after = rows.at(-1)!.user_id
    }
  }

  return {
    store,
    open() {
      if (stop) return
      stopCounting = joined.onChange(compareCounts)
      stop = connection.watch<RoomMemberRow>({
        live: 'LIVE SELECT * FROM room_members WHERE room_id = $room_id',
        bindings: () => ({ room_id: roomId }),
        select: () =>
          joined.read() <= wholeUpTo || store.get().isComplete
            ? { statements: ['SELECT * FROM room_members:[$room_id, NONE]..[$room_id, ..]'] }
            : { statements: [] },
        onSnapshot([rows]) {
          if (rows && rows.length < pageSize) {
            store.set({ members: new Map(), isComplete: false })
            put(rows as RoomMemberRow[], true)
            compareCounts()
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
      stopCounting?.()
      clearTimeout(countTimer)
      countTimer = undefined
      asked.clear()
      missing.clear()
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
