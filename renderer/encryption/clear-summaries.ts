/**
 * The room list with what the server cannot know of encrypted rooms: the last line in clear, and who was mentioned.
 *
 * Of each encrypted room whose line changed the newest unread events are read and decrypted, one room after the other,
 * the most recent first. Until that is done, or has taken too long, the line is shown as it was: so a notification says
 * what was said, and a mention counts at once.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions
 */
import type { RoomEventRow, RoomSummaryRow } from '../../server/api/live/rows.js'
import type { RoomSummaries } from '../live/room-summaries.js'
import { makeStore, type Store } from '../live/store.js'
import type { ClearEvents } from './clear-events.js'
import { sealedEventOf } from './clear-rows.js'

type Needs = {
  raw: Store<RoomSummaries>
  clear: ClearEvents
  userId: string
  readRange(roomId: string, from: number, to: number): Promise<RoomEventRow[]>
  /** Loads what says a message in a few words: it comes with what draws messages. */
  loadPreviewOf(): Promise<PreviewOf>
}

export type PreviewOf = (type: string, content: Record<string, unknown>) => string

type Known = { of: string; preview: string; mentions: number }

/** Unread events that are looked through for mentions. */
const mostRead = 40
const patienceMs = 1_500

const isUnderstood = (row: RoomSummaryRow) =>
  !row.encrypted || row.membership !== 'join' || row.last_event?.type !== 'm.room.encrypted'
/** What of a line calls for a new look. */
const markOf = (row: RoomSummaryRow) => `${row.last_event?.event_id} ${row.read_seq} ${row.max_seq}`

export function withClearSummaries({ raw, clear, userId, readRange, loadPreviewOf }: Needs): Store<RoomSummaries> {
  const store = makeStore<RoomSummaries>({ rooms: undefined })
  const known = new Map<string, Known>()
  const waiting = new Map<string, number>() // when its line was first seen so
  const unread = new Map<string, RoomEventRow[]>()
  let isReading = false
  let previewOf: PreviewOf | undefined

  const isLate = (roomId: string) => Date.now() - (waiting.get(roomId) ?? 0) > patienceMs

  function lineOf(row: RoomSummaryRow): RoomSummaryRow {
    if (isUnderstood(row)) return row
    const of = known.get(row.room_id)
    if (of?.of !== markOf(row)) {
      const before = store.get().rooms?.get(row.room_id)
      return before && !isLate(row.room_id) ? before : row
    }
    const last_event = of.preview
      ? { ...row.last_event!, type: 'm.room.message', preview: of.preview }
      : row.last_event!
    return { ...row, last_event, highlight_count: Math.max(row.highlight_count, of.mentions) }
  }

  function show(): void {
    const { rooms } = raw.get()
    if (!rooms) return
    const before = store.get().rooms
    let isSame = before?.size === rooms.size
    const next = new Map<string, RoomSummaryRow>()
    for (const [roomId, row] of rooms) {
      const line = isUnderstood(row) ? row : keepSame(before?.get(roomId), lineOf(row))
      isSame &&= before?.get(roomId) === line
      next.set(roomId, line)
    }
    if (!isSame) store.set({ rooms: next })
  }

  function understand(row: RoomSummaryRow, rows: readonly RoomEventRow[]): void {
    let mentions = 0
    let preview = ''
    for (const each of rows) {
      const opened = clear.get(each.event_id)
      if (opened?.kind !== 'clear' || each.redacted_by) continue
      if (each.seq > row.read_seq && each.sender !== userId && isMention(opened.content, userId)) mentions++
      if (each.event_id === row.last_event?.event_id) preview = previewOf?.(opened.type, opened.content) ?? ''
    }
    known.set(row.room_id, { of: markOf(row), preview, mentions })
    waiting.delete(row.room_id)
  }

  function next(): RoomSummaryRow | undefined {
    const open = [...(raw.get().rooms?.values() ?? [])].filter(
      (row) => !isUnderstood(row) && known.get(row.room_id)?.of !== markOf(row),
    )
    return open.sort((a, b) => b.last_activity_ts - a.last_activity_ts)[0]
  }

  async function read(): Promise<void> {
    if (isReading) return
    isReading = true
    try {
      if (next()) previewOf ??= await loadPreviewOf()
      for (let row = next(); row; row = next()) {
        const from = Math.max(Math.min(row.read_seq + 1, row.max_seq), row.max_seq - mostRead + 1)
        // The last message may be older than the last event: a reaction, say.
        const rows = await readRange(row.room_id, Math.min(from, row.max_seq - 5), row.max_seq)
        const sealed = rows.filter(({ event_type }) => event_type === 'm.room.encrypted')
        unread.set(row.room_id, sealed)
        clear.want(row.room_id, sealed.map(sealedEventOf))
        if (sealed.every(({ event_id }) => clear.get(event_id) !== undefined)) understand(row, sealed)
        else await tried(sealed)
        const now = raw.get().rooms?.get(row.room_id)
        if (now && markOf(now) === markOf(row)) understand(row, sealed)
        show()
      }
    } catch {
      // the channel was lost: its next snapshot reads on
    } finally {
      isReading = false
    }
  }

  /** Until all of them have been tried, or it takes too long. */
  const tried = (rows: readonly RoomEventRow[]) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const stop = clear.subscribe(() => {
        if (rows.every(({ event_id }) => clear.get(event_id) !== undefined)) done()
      })
      const timer = setTimeout(done, patienceMs)
    })

  const onRaw = () => {
    for (const row of raw.get().rooms?.values() ?? []) {
      if (isUnderstood(row) || known.get(row.room_id)?.of === markOf(row)) continue
      if (waiting.has(row.room_id)) continue
      waiting.set(row.room_id, Date.now())
      setTimeout(show, patienceMs + 50)
    }
    show()
    void read()
  }
  raw.subscribe(onRaw)
  clear.subscribe(() => {
    // A key that comes late: the line of its room is understood anew.
    for (const row of raw.get().rooms?.values() ?? []) {
      const rows = unread.get(row.room_id)
      if (rows && known.get(row.room_id)?.of === markOf(row)) understand(row, rows)
    }
    show()
  })
  return store
}

/** The same object for the same line: what has not changed is not drawn. */
const keepSame = (before: RoomSummaryRow | undefined, line: RoomSummaryRow): RoomSummaryRow =>
  before &&
  before.position === line.position &&
  before.highlight_count === line.highlight_count &&
  before.notification_count === line.notification_count &&
  before.last_event?.preview === line.last_event?.preview &&
  before.last_event?.event_id === line.last_event?.event_id &&
  before.read_seq === line.read_seq
    ? before
    : line

function isMention(content: Record<string, unknown>, userId: string): boolean {
  const mentions = content['m.mentions'] as { user_ids?: unknown; room?: unknown } | undefined
  return mentions?.room === true || (Array.isArray(mentions?.user_ids) && mentions.user_ids.includes(userId))
}
