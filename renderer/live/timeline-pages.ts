/**
 * Going about in a room's history: page by page upwards and downwards, straight to a place, and back to the newest.
 *
 * Upwards, ranges of older rows. At a hole in the history, and before `first_seq` while history is incomplete,
 * `/messages` is asked, which may make the server fetch older events from others; then the rows are read. What
 * it gives that is in no row (readable only through an earlier stay in the room) is shown from it. A hole that
 * nobody can fill now is passed, and shown as one: `fillHole` tries again.
 *
 * What is loaded is one range. A place that is far from it replaces it (`era` counts these), and then there is
 * something newer below: `loadNewer` goes on until the newest is reached.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import type { RoomEventRow } from '../../server/api/live/rows.js'
import type { ClientEvent, MessagesPage } from '../platform/matrix/events.js'
import { filledBelow, holeNow, rangeAbove, rangeAround, stepBelow } from './room-stretches.js'
import type { Store } from './store.js'
import { isLoaded, type LoadedTimeline, mergeRange, nothingLoaded } from './timeline-merge.js'
import { firstPage, longestRange, page, type TimelineNeeds, type TimelineState } from './timeline-state.js'

export type TimelinePages = {
  /** @returns when one more page is there, or there is none */
  loadOlder(): Promise<void>
  /** One page towards the newest event. */
  loadNewer(): Promise<void>
  /** Loads what lies around a place, unless that is loaded. */
  showAround(seq: number): Promise<void>
  /**
   * Loads what lies around an event.
   *
   * @returns its seq; undefined where the user may not see it
   * @throws MatrixRequestError where it is not here
   */
  showEvent(eventId: string): Promise<number | undefined>
  /** Back to the newest events. */
  showLatest(): Promise<void>
  /**
   * Asks for what is missing right below the event with this seq.
   *
   * @param isAskedAgain a person says so, having been told that nobody answered
   */
  fillHole(seq: number, isAskedAgain?: boolean): Promise<void>
  /** Somebody has had a hole filled that was passed here: what came is read. */
  readFilled(): Promise<void>
  /** The room is put aside: holes may be asked for again. */
  forget(): void
}

type PagesNeeds = Pick<TimelineNeeds, 'readSummary' | 'readMessages' | 'readTokenBefore'> & {
  store: Store<TimelineState>
  set(change: Partial<TimelineState>): void
  readRange(from: number, to: number): Promise<RoomEventRow[]>
  /** What is loaded reaches the newest event again. */
  onNewest(): void
}

/** `t1_<seq>`: a place in this server's timeline, right before the event with that seq. */
const seqOfToken = (token: string) => Number(/^t1_(-?\d+)$/.exec(token)?.[1] ?? Number.NaN)

export function makeTimelinePages(roomId: string, needs: PagesNeeds): TimelinePages {
  const { store, set, readRange } = needs
  /** Set once ranges gave out and `/messages` goes on alone. */
  let olderToken: string | undefined
  let era = 0
  let newer: Promise<void> | undefined

  const loaded = () => store.get().timeline
  const summary = () => needs.readSummary(roomId)
  const setTimeline = (timeline: LoadedTimeline) => timeline !== loaded() && set({ timeline })
  const pass = (...seqs: number[]) => set({ passed: new Set([...store.get().passed, ...seqs]) })

  async function loadOlder(): Promise<void> {
    const { isAtStart, isLoadingOlder, timeline } = store.get()
    if (isAtStart || isLoadingOlder || !isLoaded(timeline)) return
    set({ isLoadingOlder: true })
    const begun = era
    try {
      const before = timeline.rows.length
      // A range may hold nothing this user may see: go on, in longer steps, until something shows.
      for (
        let size = page;
        era === begun && loaded().rows.length === before && !store.get().isAtStart;
        size = longestRange
      )
        await loadOnePage(size, begun)
      set({ isLoadingOlder: false, error: undefined })
    } catch (error) {
      set({ isLoadingOlder: false, error })
    }
  }

  async function loadOnePage(size: number, begun: number): Promise<void> {
    const { timeline, passed } = store.get()
    const step = stepBelow(summary(), timeline.low, size, passed)
    if (step.kind === 'range' && olderToken === undefined) {
      const rows = await readRange(step.from, step.to)
      if (era === begun) setTimeline(mergeRange(loaded(), rows, step.from, step.covers))
      return
    }
    const oldest = timeline.rows[0]
    if (step.kind === 'start' || !oldest) return set({ isAtStart: true })
    const at = Math.min(step.kind === 'hole' ? step.at : timeline.low, oldest.seq)
    const { chunk, end, rows } = await askBelow(oldest, at)
    if (rows.length > 0 || era !== begun) return
    if (step.kind === 'hole' && !step.isLast) return pass(step.at)
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
  async function askBelow(
    row: RoomEventRow,
    at: number,
    isAskedAgain = false,
  ): Promise<MessagesPage & { rows: RoomEventRow[] }> {
    const begun = era
    set({ isAskingServers: true })
    try {
      const from = olderToken ?? (await needs.readTokenBefore(roomId, row.event_id))
      const answer = await needs.readMessages(roomId, from, page, { isAskedAgain })
      const found = await readRange(at - page, at - 1)
      if (era !== begun) return { ...answer, rows: [] }
      const known = new Set(loaded().rows.map(({ event_id }) => event_id))
      const rows = found.filter(({ event_id }) => !known.has(event_id))
      const [first] = rows
      if (first) setTimeline(mergeRange(loaded(), rows, first.seq, Math.max(at, loaded().low) - 1))
      return { ...answer, rows }
    } finally {
      set({ isAskingServers: false })
    }
  }

  async function fillHole(seq: number, isAskedAgain = false): Promise<void> {
    const at = holeNow(loaded().rows, seq)
    const above = loaded().rows.find((row) => row.seq >= at)
    if (!above || store.get().isAskingServers) return
    const begun = era
    const found = await askBelow(above, at, isAskedAgain).catch(() => undefined)
    if (era !== begun) return
    if (!found?.rows.length) return pass(seq, at)
    const passed = new Set(store.get().passed)
    if (passed.delete(seq)) set({ passed })
  }

  async function readFilled(): Promise<void> {
    for (const seq of store.get().passed) {
      const range = filledBelow(summary(), seq, longestRange)
      if (!range) continue
      const begun = era
      const passed = new Set(store.get().passed)
      passed.delete(seq)
      if (range.from === seq - longestRange) passed.add(range.from) // there may be more below
      set({ passed })
      const rows = await readRange(range.from, range.to)
      if (era === begun) setTimeline(mergeRange(loaded(), rows, range.from, range.to))
    }
  }

  /** Takes another range in place of what is loaded. */
  function replace(rows: readonly RoomEventRow[], from: number, to: number): void {
    era++
    olderToken = undefined
    const hasNewer = rangeAbove(summary(), to, 1) !== undefined
    const timeline = mergeRange(nothingLoaded, rows, from, to)
    set({ timeline, isAtStart: false, hasNewer, isAskingServers: false, error: undefined, passed: new Set() })
    if (!hasNewer) needs.onNewest()
  }

  async function readNewer(): Promise<void> {
    const begun = era
    const before = loaded().rows.length
    while (era === begun && store.get().hasNewer && loaded().rows.length === before) {
      const { high } = loaded()
      const range = rangeAbove(summary(), high, page)
      const rows = range ? await readRange(range.from, range.to) : []
      if (era !== begun) return
      const timeline = range ? mergeRange(loaded(), rows, high + 1, range.to) : loaded()
      const hasNewer = rangeAbove(summary(), timeline.high, 1) !== undefined
      set({ timeline, hasNewer })
      if (!hasNewer) needs.onNewest()
    }
  }

  async function loadNewer(): Promise<void> {
    newer ??= readNewer().finally(() => {
      newer = undefined
    })
    return newer
  }

  async function showAround(seq: number): Promise<void> {
    const { timeline, hasNewer } = store.get()
    if (isLoaded(timeline) && seq >= timeline.low && seq <= timeline.high) return
    const { from, to } = rangeAround(summary(), seq, page)
    const isNear = isLoaded(timeline) && !hasNewer && timeline.low > from && timeline.low - from <= longestRange
    // Near what is loaded, the way to the newest stays loaded: nothing has to be fetched when the person goes on.
    const until = isNear ? timeline.low - 1 : to
    const rows = await readRange(from, until)
    if (isNear && loaded() === timeline) setTimeline(mergeRange(timeline, rows, from, until))
    else replace(rows, from, to)
    if (loaded().high <= seq) await loadNewer()
  }

  return {
    loadOlder,
    loadNewer,
    showAround,
    async showEvent(eventId) {
      const find = () => loaded().rows.find(({ event_id }) => event_id === eventId)?.seq
      const seq = find() ?? seqOfToken(await needs.readTokenBefore(roomId, eventId))
      if (Number.isSafeInteger(seq)) await showAround(seq)
      return find()
    },
    async showLatest() {
      if (!store.get().hasNewer) return
      const newest = summary()?.max_seq ?? 0
      const from = newest - firstPage + 1
      replace(await readRange(from, newest), from, newest)
      if (loaded().rows.length < firstPage / 2) await loadOlder()
    },
    fillHole,
    readFilled,
    forget() {
      olderToken = undefined
      if (store.get().passed.size > 0) set({ passed: new Set() })
    },
  }
}

/** An event of `/messages` that has no row, placed before everything loaded. */
function rowOf(roomId: string, event: ClientEvent, seq: number): RoomEventRow {
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
