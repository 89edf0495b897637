/**
 * The timeline of one room: live rows, merged with ranges read from the same table.
 *
 * 1. Subscribe and buffer, then SELECT the newest rows in the same query.
 * 2. A live row goes in by its seq; a hole before it, or a doorbell (`max_seq` of the room's
 *    summary, rung after writes that notify nobody), is filled by one range SELECT.
 * 3. Upwards, ranges of older rows. Before `first_seq`, while history is incomplete, `/messages`
 *    is asked, which may make the server fetch older events from others; then the rows are read. What
 *    it gives that is in no row (readable only through an earlier stay in the room) is shown from it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import type { RoomEventRow, RoomSummaryRow } from '../../server/api/live/rows.js'
import type { ClientEvent, MessagesPage } from '../platform/matrix/events.js'
import type { LiveConnection } from './connection.js'
import { coalesce, makeStore, type Store } from './store.js'
import {
  gapOf,
  isLoaded,
  type LoadedTimeline,
  mergeLiveRow,
  mergeRange,
  nothingLoaded,
  trimTimeline,
} from './timeline-merge.js'

export type TimelineState = {
  timeline: LoadedTimeline
  /** Nothing older can be had. */
  isAtStart: boolean
  isLoadingOlder: boolean
  /** Why older events could not be had; loadOlder tries again. */
  error?: unknown
}

export type RoomTimeline = {
  roomId: string
  store: Store<TimelineState>
  /** Starts the live query. */
  open(): void
  /** Stops it; what is loaded stays for when the room is opened again. */
  close(): void
  /** @returns when one more page is there, or there is none */
  loadOlder(): Promise<void>
}

type TimelineNeeds = {
  connection: LiveConnection
  readSummary(roomId: string): RoomSummaryRow | undefined
  /** Calls back on each change of the room's summary; returns a function that stops it. */
  onSummary(listener: () => void): () => void
  readMessages(roomId: string, from: string | undefined, limit: number): Promise<MessagesPage>
  readTokenBefore(roomId: string, eventId: string): Promise<string>
}

const firstPage = 20
const page = 40
const longestRange = 250
/** Rows read again at a reconnect: a redaction or edit may have rewritten them meanwhile. */
const readAgain = 50
const keptWhenClosed = 120
const gapPatienceMs = 120

const rangeQuery = 'SELECT * FROM room_events:[$room_id, $from]..=[$room_id, $to]'

export function makeRoomTimeline(roomId: string, needs: TimelineNeeds): RoomTimeline {
  const store = makeStore<TimelineState>({ timeline: nothingLoaded, isAtStart: false, isLoadingOlder: false })
  let stopWatch: (() => void) | undefined
  let stopSummary: (() => void) | undefined
  let arrived: RoomEventRow[] = []
  let gapTimer: ReturnType<typeof setTimeout> | undefined
  /** Set once ranges gave out and `/messages` goes on alone. */
  let olderToken: string | undefined

  const set = (change: Partial<TimelineState>) => store.update((state) => ({ ...state, ...change }))
  const loaded = () => store.get().timeline
  const setTimeline = (timeline: LoadedTimeline) => timeline !== loaded() && set({ timeline })

  const flush = coalesce(() => {
    let next = loaded()
    for (const row of arrived.splice(0)) next = mergeLiveRow(next, row)
    setTimeline(next)
    planGapFill()
  })

  /** Waits a moment: rows that overtook each other arrive within milliseconds. */
  function planGapFill(): void {
    if (gapTimer || !stopWatch || !gapOf(loaded(), needs.readSummary(roomId)?.max_seq)) return
    gapTimer = setTimeout(async () => {
      gapTimer = undefined
      const gap = gapOf(loaded(), needs.readSummary(roomId)?.max_seq)
      if (!gap || !stopWatch) return
      const isFar = gap.to - gap.from > longestRange
      const from = isFar ? gap.to - page : gap.from
      try {
        const rows = await readRange(from, gap.to)
        if (isFar) set({ timeline: mergeRange(nothingLoaded, rows, from, gap.to), isAtStart: false })
        else setTimeline(mergeRange(loaded(), rows, from, gap.to))
      } catch {
        return // the channel was lost: the next start reads on from `high`
      }
      planGapFill()
    }, gapPatienceMs)
  }

  async function readRange(from: number, to: number): Promise<RoomEventRow[]> {
    const [rows] = await needs.connection.query(rangeQuery, { room_id: roomId, from, to })
    return rows as RoomEventRow[]
  }

  /** What to read at a start: the newest page, or from where we were, some rows again. */
  function startRange(): { from: number; to: number } {
    const timeline = loaded()
    const maxSeq = needs.readSummary(roomId)?.max_seq ?? 0
    const newest = Math.max(maxSeq, timeline.high)
    if (!isLoaded(timeline) || newest - timeline.high > longestRange)
      return { from: newest - firstPage + 1, to: newest }
    return { from: Math.max(timeline.low, timeline.high - readAgain), to: newest }
  }

  function open(): void {
    if (stopWatch) return
    let range = startRange()
    stopSummary = needs.onSummary(planGapFill)
    stopWatch = needs.connection.watch<RoomEventRow>({
      live: 'LIVE SELECT * FROM room_events WHERE room_id = $room_id',
      bindings: () => ({ room_id: roomId }),
      select() {
        range = startRange()
        return { statements: [rangeQuery], bindings: range }
      },
      onSnapshot([rows]) {
        const timeline = loaded()
        const isFresh = !isLoaded(timeline) || range.from > timeline.high + 1
        const next = mergeRange(isFresh ? nothingLoaded : timeline, rows as RoomEventRow[], range.from, range.to)
        set({ timeline: next, isAtStart: isFresh ? false : store.get().isAtStart })
        if (next.rows.length < firstPage / 2) void loadOlder()
      },
      onChange({ action, row }) {
        if (action === 'DELETE') return // history is not deleted; a purge resets the room
        arrived.push(row)
        flush()
      },
    })
  }

  async function loadOlder(): Promise<void> {
    const { isAtStart, isLoadingOlder, timeline } = store.get()
    if (isAtStart || isLoadingOlder || !isLoaded(timeline)) return
    set({ isLoadingOlder: true })
    try {
      const before = timeline.rows.length
      // A range may hold nothing this user may see: go on, in longer steps, until something shows.
      for (let size = page; loaded().rows.length === before && !store.get().isAtStart; size = longestRange)
        await loadOnePage(size)
      set({ isLoadingOlder: false, error: undefined })
    } catch (error) {
      set({ isLoadingOlder: false, error })
    }
  }

  async function loadOnePage(size: number): Promise<void> {
    const { timeline } = store.get()
    const summary = needs.readSummary(roomId)
    const firstSeq = summary?.first_seq ?? 1
    if (timeline.low > firstSeq && olderToken === undefined) {
      const from = Math.max(firstSeq, timeline.low - size)
      const rows = await readRange(from, timeline.low - 1)
      setTimeline(mergeRange(loaded(), rows, from, timeline.low - 1))
      return
    }
    const oldest = timeline.rows[0]
    if (summary?.history_complete || !oldest) return set({ isAtStart: true })
    const from = olderToken ?? (await needs.readTokenBefore(roomId, oldest.event_id))
    const { chunk, end } = await needs.readMessages(roomId, from, page)
    const known = new Set(loaded().rows.map((row) => row.event_id))
    const fresh = chunk.filter((event) => !known.has(event.event_id))
    const to = loaded().low - 1
    const rows = await readRange(to - page + 1, to)
    if (rows.length > 0) {
      setTimeline(mergeRange(loaded(), rows, rows[0]!.seq, to))
    } else if (fresh.length > 0) {
      const made = fresh.map((event, index) => rowOf(roomId, event, to - index))
      olderToken = end
      setTimeline(mergeRange(loaded(), made, to - fresh.length + 1, to))
    }
    if (chunk.length === 0 || !end) set({ isAtStart: true })
  }

  return {
    roomId,
    store,
    open,
    close() {
      stopWatch?.()
      stopSummary?.()
      clearTimeout(gapTimer)
      gapTimer = undefined
      stopWatch = undefined
      olderToken = undefined
      arrived = []
      if (loaded().rows.length > keptWhenClosed)
        set({ timeline: trimTimeline(loaded(), keptWhenClosed), isAtStart: false })
    },
    loadOlder,
  }
}

/** An event of `/messages` that has no row, placed before everything loaded. */
export function rowOf(roomId: string, event: ClientEvent, seq: number): RoomEventRow {
  return {
    room_id: roomId,
    seq,
    position: 0,
    event_id: event.event_id,
    sender: event.sender,
    event_type: event.type,
    ...(event.state_key === undefined ? {} : { state_key: event.state_key }),
    origin_server_ts: event.origin_server_ts,
    visibility: 'joined',
    event: event as unknown as Record<string, unknown>,
  }
}
