/**
 * The river: what others do in the user's rooms, one line per event as it lands.
 *
 * It runs the plan's statement, once per room while there are few rooms or one is chosen. Every
 * live query on a table costs the server time at each of its writes, so with more rooms one query
 * without the room does the same for all: the engine's permissions leave only what this user may see.
 *
 * Lines are kept in the order they arrived; hundreds a second become one change per frame.
 */
import type { RoomEventRow, RoomMemberRow, RoomSummaryRow } from '../../server/api/live/rows.js'
import type { LiveConnection } from './connection.js'
import type { RoomSummaries } from './room-summaries.js'
import { coalesce, makeStore, type Store } from './store.js'

export type River = {
  /** Newest last, at most `keptLines`. */
  store: Store<readonly RoomEventRow[]>
  /** Display names as far as they are known, by `${room_id} ${user_id}`. */
  names: Store<ReadonlyMap<string, string>>
  /** The one room to follow; undefined follows all. */
  focus: Store<string | undefined>
  setFocus(roomId: string | undefined): void
  /** Events per room since the last call. */
  takeCounts(): [string, number][]
  stop(): void
}

export const keptLines = 2_000
/** Up to so many rooms get the plan's statement each. */
export const roomsOneByOne = 3
/** The first line of a burst is shown with the next frame, those behind it together: nobody reads faster. */
const showEveryMs = 50
const recentRooms = 6
const recentPerRoom = 12
/** A query may have 8 statements, and a statement 8 targets. */
const targetsAtOnce = 8
const namesAtOnce = 6 * targetsAtOnce

const planStatement =
  "LIVE SELECT * FROM room_events WHERE room_id = $room_id AND (sender != $user_id OR event_type IN ['m.room.member', 'm.room.power_levels'])"
const allRoomsStatement =
  "LIVE SELECT * FROM room_events WHERE sender != $user_id OR event_type IN ['m.room.member', 'm.room.power_levels']"

/** Which live queries follow these rooms: by key, so that a change starts and stops the least. */
export function planWatches(
  roomIds: readonly string[],
  focus?: string,
): { key: string; live: string; roomId?: string }[] {
  const followed = focus === undefined ? roomIds : roomIds.filter((roomId) => roomId === focus)
  if (followed.length > roomsOneByOne) return [{ key: '', live: allRoomsStatement }]
  return followed.map((roomId) => ({ key: roomId, live: planStatement, roomId }))
}

/** @param ids room and user */
export function nameQuery(ids: readonly (readonly [string, string])[]) {
  const bindings: Record<string, string> = {}
  const targets = ids.map(([roomId, userId], index) => {
    bindings[`r${index}`] = roomId
    bindings[`u${index}`] = userId
    return `room_members:[$r${index}, $u${index}]`
  })
  const statements: string[] = []
  for (let at = 0; at < targets.length; at += targetsAtOnce)
    statements.push(`SELECT room_id, user_id, displayname FROM ${targets.slice(at, at + targetsAtOnce).join(', ')}`)
  return { statement: statements.join('; '), bindings }
}

/** The rule of the statements, for rows that were read and not pushed. */
export const isShown = (row: RoomEventRow, userId: string) =>
  row.sender !== userId || row.event_type === 'm.room.member' || row.event_type === 'm.room.power_levels'

/** Adds lines; one that is there already (a redaction rewrites its row) is replaced where it stands. */
export function addLines(lines: readonly RoomEventRow[], added: readonly RoomEventRow[]): readonly RoomEventRow[] {
  const places = new Map<string, number>()
  for (const [index, { event_id }] of lines.entries()) places.set(event_id, index)
  const next = [...lines]
  for (const row of added) {
    const place = places.get(row.event_id)
    if (place !== undefined) next[place] = row
    else places.set(row.event_id, next.push(row) - 1)
  }
  return next.length > keptLines ? next.slice(-keptLines) : next
}

const joinedRooms = ({ rooms }: RoomSummaries): RoomSummaryRow[] =>
  [...(rooms?.values() ?? [])].filter((room) => room.membership === 'join')

export function startRiver(connection: LiveConnection, userId: string, summaries: Store<RoomSummaries>): River {
  const store = makeStore<readonly RoomEventRow[]>([])
  const names = makeStore<ReadonlyMap<string, string>>(new Map())
  const focus = makeStore<string | undefined>(undefined)
  const running = new Map<string, () => void>()
  const asked = new Set<string>()
  const wanted: [string, string][] = []
  let arrived: RoomEventRow[] = []
  let counts = new Map<string, number>()
  let shownAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let isFilled = false
  let wasLive = false
  let isStopped = false

  const flush = coalesce(() => {
    if (isStopped) return
    shownAt = performance.now()
    store.set(addLines(store.get(), arrived))
    arrived = []
  })

  function planFlush(): void {
    const waitMs = shownAt + showEveryMs - performance.now()
    if (waitMs <= 0) flush()
    else
      timer ??= setTimeout(() => {
        timer = undefined
        flush()
      }, waitMs)
  }

  const readNames = coalesce(async () => {
    const ids = wanted.splice(0, namesAtOnce)
    if (ids.length === 0 || isStopped) return
    try {
      const { statement, bindings } = nameQuery(ids)
      const next = new Map(names.get())
      for (const { room_id, user_id, displayname } of (
        (await connection.query(statement, bindings)) as RoomMemberRow[][]
      ).flat())
        if (displayname) next.set(`${room_id} ${user_id}`, displayname)
      names.set(next)
    } catch {
      for (const [roomId, user] of ids) asked.delete(`${roomId} ${user}`) // asked again with their next event
    }
    if (wanted.length > 0) readNames()
  })

  function needNames(rows: readonly RoomEventRow[]): void {
    for (const { room_id, sender } of rows) {
      const key = `${room_id} ${sender}`
      if (asked.has(key)) continue
      asked.add(key)
      wanted.push([room_id, sender])
    }
    if (wanted.length > 0) readNames()
  }

  function take(row: RoomEventRow): void {
    arrived.push(row)
    counts.set(row.room_id, (counts.get(row.room_id) ?? 0) + 1)
    if (row.event_type === 'm.room.member') asked.delete(`${row.room_id} ${row.sender}`) // the name may be a new one
    needNames([row])
    planFlush()
  }

  /** What happened last, so that the page neither begins empty nor misses what a lost channel swallowed. */
  async function fill(rooms: readonly RoomSummaryRow[]): Promise<void> {
    const recent = [...rooms].sort((a, b) => b.last_activity_ts - a.last_activity_ts).slice(0, recentRooms)
    const bindings: Record<string, unknown> = {}
    const statements = recent.map((room, index) => {
      bindings[`r${index}`] = room.room_id
      bindings[`f${index}`] = room.max_seq - recentPerRoom + 1
      bindings[`t${index}`] = room.max_seq
      return `SELECT * FROM room_events:[$r${index}, $f${index}]..=[$r${index}, $t${index}]`
    })
    const results = (await connection.query(statements.join('; '), bindings)) as RoomEventRow[][]
    const rows = results.flat().filter((row) => isShown(row, userId))
    if (isStopped) return
    needNames(rows)
    store.set([...addLines(store.get(), rows)].sort((a, b) => a.position - b.position))
  }

  function follow(): void {
    const rooms = joinedRooms(summaries.get())
    const plan = planWatches(rooms.map(({ room_id }) => room_id).sort(), focus.get())
    const keys = new Set(plan.map(({ key }) => key))
    for (const [key, stop] of running) {
      if (keys.has(key)) continue
      stop()
      running.delete(key)
    }
    for (const { key, live, roomId } of plan) {
      if (running.has(key)) continue
      const stop = connection.watch<RoomEventRow>({
        live,
        bindings: () => ({ user_id: userId, ...(roomId === undefined ? {} : { room_id: roomId }) }),
        onSnapshot: () => undefined,
        onChange: ({ action, row }) => action !== 'DELETE' && take(row),
      })
      running.set(key, stop)
    }
    const isLive = connection.state.get().kind === 'live'
    if (isLive !== wasLive) isFilled = false
    wasLive = isLive
    if (isFilled || rooms.length === 0 || !isLive) return
    isFilled = true
    fill(rooms).catch(() => {
      isFilled = false // tried again when the connection is back
    })
  }

  const stops = [summaries.subscribe(follow), connection.state.subscribe(follow)]
  follow()

  return {
    store,
    names,
    focus,
    setFocus(roomId) {
      focus.set(roomId)
      follow()
    },
    takeCounts() {
      const taken = [...counts]
      counts = new Map()
      return taken
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
      for (const stop of [...stops, ...running.values()]) stop()
      running.clear()
    },
  }
}
