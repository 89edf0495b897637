/**
 * The timeline of one room: live rows, merged with ranges read from the same table.
 *
 * 1. Subscribe and buffer, then SELECT the newest rows in the same query.
 * 2. A live row goes in by its seq; a hole before it, or a doorbell (`max_seq` of the room's
 *    summary, rung after writes that notify nobody), is filled by one range SELECT.
 * 3. What is older, what lies around a place far back, and the way from there to the newest: `timeline-pages.ts`.
 *    While what is loaded does not reach the newest (`hasNewer`), live rows only change what is there.
 */
import type { RoomEventRow } from '../../server/api/live/rows.js'
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
import { makeTimelinePages, type TimelinePages } from './timeline-pages.js'
import { firstPage, longestRange, page, type TimelineNeeds, type TimelineState } from './timeline-state.js'

export type RoomTimeline = Omit<TimelinePages, 'readFilled' | 'forget'> & {
  roomId: string
  store: Store<TimelineState>
  /** Starts the live query. */
  open(): void
  /** Stops it; what is loaded stays for when the room is opened again. */
  close(): void
}

/** Rows read again at a reconnect: a redaction or edit may have rewritten them meanwhile. */
const readAgain = 50
const keptWhenClosed = 120
const gapPatienceMs = 120

export const rangeQuery = 'SELECT * FROM room_events:[$room_id, $from]..=[$room_id, $to]'

export function makeRoomTimeline(roomId: string, needs: TimelineNeeds): RoomTimeline {
  const store = makeStore<TimelineState>({
    timeline: nothingLoaded,
    isAtStart: false,
    hasNewer: false,
    isLoadingOlder: false,
    isAskingServers: false,
    passed: new Set(),
  })
  let stopWatch: (() => void) | undefined
  let stopSummary: (() => void) | undefined
  let arrived: RoomEventRow[] = []
  let gapTimer: ReturnType<typeof setTimeout> | undefined

  const set = (change: Partial<TimelineState>) => store.update((state) => ({ ...state, ...change }))
  const loaded = () => store.get().timeline
  const setTimeline = (timeline: LoadedTimeline) => timeline !== loaded() && set({ timeline })
  const gap = () => (store.get().hasNewer ? undefined : gapOf(loaded(), needs.readSummary(roomId)?.max_seq))

  const flush = coalesce(() => {
    let next = loaded()
    const { hasNewer } = store.get()
    for (const row of arrived.splice(0)) if (!hasNewer || row.seq <= next.high) next = mergeLiveRow(next, row)
    setTimeline(next)
    planGapFill()
  })

  /** Waits a moment: rows that overtook each other arrive within milliseconds. */
  function planGapFill(): void {
    if (gapTimer || !stopWatch || !gap()) return
    gapTimer = setTimeout(async () => {
      gapTimer = undefined
      const missing = gap()
      if (!missing || !stopWatch) return
      const isFar = missing.to - missing.from > longestRange
      const from = isFar ? missing.to - page : missing.from
      const before = loaded()
      try {
        const rows = await readRange(from, missing.to)
        if (store.get().hasNewer || loaded().low > before.high) return // meanwhile the window went elsewhere
        if (isFar) set({ timeline: mergeRange(nothingLoaded, rows, from, missing.to), isAtStart: false })
        else setTimeline(mergeRange(loaded(), rows, from, missing.to))
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
    const { timeline, hasNewer } = store.get()
    const again = Math.max(timeline.low, timeline.high - readAgain)
    if (isLoaded(timeline) && hasNewer) return { from: again, to: timeline.high }
    const maxSeq = needs.readSummary(roomId)?.max_seq ?? 0
    const newest = Math.max(maxSeq, timeline.high)
    if (!isLoaded(timeline) || newest - timeline.high > longestRange)
      return { from: newest - firstPage + 1, to: newest }
    return { from: again, to: newest }
  }

  const pages = makeTimelinePages(roomId, { ...needs, store, set, readRange, onNewest: planGapFill })

  function open(): void {
    if (stopWatch) return
    let range = startRange()
    stopSummary = needs.onSummary(() => {
      planGapFill()
      void pages.readFilled().catch(() => undefined) // the channel was lost: the next line of the room asks again
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
        if (next.rows.length < firstPage / 2) void pages.loadOlder()
      },
      onChange({ action, row }) {
        if (action === 'DELETE') return // history is not deleted; a purge resets the room
        arrived.push(row)
        flush()
      },
    })
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
      arrived = []
      pages.forget()
      if (loaded().rows.length <= keptWhenClosed) return
      if (store.get().hasNewer) set({ timeline: nothingLoaded, isAtStart: false, hasNewer: false })
      else set({ timeline: trimTimeline(loaded(), keptWhenClosed), isAtStart: false })
    },
    loadOlder: pages.loadOlder,
    loadNewer: pages.loadNewer,
    showAround: pages.showAround,
    showEvent: pages.showEvent,
    showLatest: pages.showLatest,
    fillHole: pages.fillHole,
  }
}
