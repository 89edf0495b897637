/**
 * The timeline of one room: live rows, merged with ranges read from the same table.
 *
 * 1. Subscribe and buffer, then SELECT the newest rows in the same query.
 * 2. A live row goes in by its seq; a hole before it, or a doorbell (`max_seq` of the room's
 *    summary, rung after writes that notify nobody), is filled by one range SELECT.
 * 3. Upwards, ranges of older rows. At a hole in the history, and before `first_seq` while history is incomplete,
 *    `/messages` is asked, which may make the server fetch older events from others; then the rows are read. What
 *    it gives that is in no row (readable only through an earlier stay in the room) is shown from it. A hole that
 *    nobody can fill now is passed, and shown as one: `fillHole` tries again.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import type { RoomEventRow, RoomSummaryRow } from '../../server/api/live/rows.js'
import type { ClientEvent, MessagesPage } from '../platform/matrix/events.js'
import type { LiveConnection } from './connection.js'
import { filledBelow, stepBelow } from './room-stretches.js'
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
  /** Other servers are asked for what is missing here: it may take a while. */
  isAskingServers: boolean
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
  /** Asks again for what is missing right below the event with this seq. */
  fillHole(seq: number): Promise<void>
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
  const store = makeStore<TimelineState>({
    timeline: nothingLoaded,
    isAtStart: false,
    isLoadingOlder: false,
    isAskingServers: false,
  })
  let stopWatch: (() => void) | undefined
  let stopSummary: (() => void) | undefined
  let arrived: RoomEventRow[] = []
  let gapTimer: ReturnType<typeof setTimeout> | undefined
  /** Set once ranges gave out and `/messages` goes on alone. */
  let olderToken: string | undefined
  /** Holes that could not be filled, by the seq above them. */
  const passed = new Set<number>()

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
    stopSummary = needs.onSummary(() => {
      planGapFill()
      void readFilled().catch(() => undefined) // the channel was lost: the next line of the room asks again
    })
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
    const step = stepBelow(needs.readSummary(roomId), timeline.low, size, passed)
    if (step.kind === 'range' && olderToken === undefined) {
      const rows = await readRange(step.from, step.to)
      setTimeline(mergeRange(loaded(), rows, step.from, step.covers))
      return
    }
    const oldest = timeline.rows[0]
    if (step.kind === 'start' || !oldest) return set({ isAtStart: true })
    const at = Math.min(step.kind === 'hole' ? step.at : timeline.low, oldest.seq)
    const { chunk, end, rows } = await askBelow(oldest, at)
    if (rows.length > 0) return
    if (step.kind === 'hole' && !step.isLast) {
      passed.add(step.at)
      return
    }
    const to = loaded().low - 1
    const known = new Set(loaded().rows.map((row) => row.event_id))
    const fresh = chunk.filter((event) => !known.has(event.event_id))
    if (fresh.length > 0) {
      const made = fresh.map((event, index) => rowOf(roomId, event, to - index))
      olderToken = end
      setTimeline(mergeRange(loaded(), made, to - fresh.length + 1, to))
    }
    if (chunk.length === 0 || !end) set({ isAtStart: true })
  }

  /** Has the server look for what is older than this row, and reads the rows right below a seq. */
  async function askBelow(row: RoomEventRow, at: number): Promise<MessagesPage & { rows: RoomEventRow[] }> {
    set({ isAskingServers: true })
    try {
      const from = olderToken ?? (await needs.readTokenBefore(roomId, row.event_id))
      const answer = await needs.readMessages(roomId, from, page)
      const found = await readRange(at - page, at - 1)
      const known = new Set(loaded().rows.map(({ event_id }) => event_id))
      const rows = found.filter(({ event_id }) => !known.has(event_id))
      const [first] = rows
      if (first) setTimeline(mergeRange(loaded(), rows, first.seq, Math.max(at, loaded().low) - 1))
      return { ...answer, rows }
    } finally {
      set({ isAskingServers: false })
    }
  }

  async function fillHole(seq: number): Promise<void> {
    const above = loaded().rows.find((row) => row.seq >= seq)
    if (!above || store.get().isAskingServers) return
    await askBelow(above, seq).catch((error: unknown) => set({ error }))
  }

  /** Somebody has had a hole filled that was passed here: what came is read. */
  async function readFilled(): Promise<void> {
    for (const seq of passed) {
      const range = filledBelow(needs.readSummary(roomId), seq, longestRange)
      if (!range) continue
      passed.delete(seq)
      passed.add(range.from)
      setTimeline(mergeRange(loaded(), await readRange(range.from, range.to), range.from, range.to))
    }
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
      passed.clear()
      arrived = []
      if (loaded().rows.length > keptWhenClosed)
        set({ timeline: trimTimeline(loaded(), keptWhenClosed), isAtStart: false })
    },
    loadOlder,
    fillHole,
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
