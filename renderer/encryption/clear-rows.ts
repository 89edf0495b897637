/**
 * A room's timeline with its encrypted rows in clear: what is above it reads rows as if nothing had been encrypted.
 *
 * A row that is decrypted has the type and content of what was in it; `secret` says that it came encrypted, and of one
 * that cannot be read, why. A room without encrypted rows gets its own state back, untouched.
 */
import type { RoomEventRow } from '../../server/api/live/rows.js'
import type { Store } from '../live/store.js'
import type { TimelineState } from '../live/timeline-state.js'
import type { ClearEvents } from './clear-events.js'
import type { Opened, SealedEvent } from './types.js'

export type Secret =
  | { kind: 'trying' }
  | Exclude<Opened, { kind: 'clear' }>
  | Pick<Opened & { kind: 'clear' }, 'kind' | 'warning'>
export type ShownRow = RoomEventRow & { secret?: Secret }

export const secretOf = (row: RoomEventRow): Secret | undefined => (row as ShownRow).secret

const isSealed = (row: RoomEventRow) =>
  row.event_type === 'm.room.encrypted' && row.state_key === undefined && row.redacted_by === undefined

export const sealedEventOf = (row: RoomEventRow): SealedEvent => ({
  event_id: row.event_id,
  sender: row.sender,
  origin_server_ts: row.origin_server_ts,
  content: (row.event.content ?? {}) as Record<string, unknown>,
  unsigned: (row.event.unsigned ?? {}) as Record<string, unknown>,
})

/** @param opened what is known of the row's event */
export function clearRow(row: RoomEventRow, opened: Opened | undefined): ShownRow {
  if (!opened) return { ...row, secret: { kind: 'trying' } }
  if (opened.kind === 'locked') return { ...row, secret: opened }
  const { type, content, warning } = opened
  const secret: Secret = { kind: 'clear', ...(warning ? { warning } : {}) }
  return { ...row, event_type: type, event: { ...row.event, type, content }, secret }
}

/** Before one's own first message of joining that is loaded, keys were not for oneself. */
function joinedAt(rows: readonly RoomEventRow[], userId: string): number {
  const joins = rows.filter(({ event_type, state_key, event }) => {
    if (event_type !== 'm.room.member' || state_key !== userId) return false
    const before = (event.unsigned as { prev_content?: { membership?: unknown } } | undefined)?.prev_content
    return (event.content as { membership?: unknown })?.membership === 'join' && before?.membership !== 'join'
  })
  return joins.at(-1)?.seq ?? Number.NEGATIVE_INFINITY
}

export function withClearRows(
  raw: Store<TimelineState>,
  clear: ClearEvents,
  roomId: string,
  userId: string,
): Store<TimelineState> {
  const made = new WeakMap<RoomEventRow, { of: Opened | undefined; isEarly: boolean; row: ShownRow }>()
  const listeners = new Set<() => void>()
  let shown: { of: TimelineState; state: TimelineState } | undefined
  let stop: (() => void)[] = []

  function shownRow(row: RoomEventRow, since: number): RoomEventRow {
    if (!isSealed(row)) return row
    const of = clear.get(row.event_id)
    const isEarly = row.seq < since
    const known = made.get(row)
    if (known && known.of === of && known.isEarly === isEarly) return known.row
    const early = isEarly && of?.kind === 'locked' && (of.cause === 'missing' || of.cause === 'beforeDevice')
    const next = clearRow(row, early ? { ...of, cause: 'notMember' } : of)
    made.set(row, { of, isEarly, row: next })
    return next
  }

  function make(state: TimelineState): TimelineState {
    const { rows } = state.timeline
    if (!rows.some(isSealed)) return state
    const since = joinedAt(rows, userId)
    const next = rows.map((row) => shownRow(row, since))
    const before = shown?.of === state ? shown.state.timeline.rows : undefined
    if (before?.every((row, index) => row === next[index])) return shown!.state
    return { ...state, timeline: { ...state.timeline, rows: next } }
  }

  let isStale = true
  function get(): TimelineState {
    const state = raw.get()
    if (!shown || shown.of !== state || isStale) shown = { of: state, state: make(state) }
    isStale = stop.length === 0 // who does not listen is told nothing, so that it has to look
    return shown.state
  }

  /** The newest first: they are what is looked at. */
  const want = () => clear.want(roomId, raw.get().timeline.rows.filter(isSealed).map(sealedEventOf).reverse())
  const tell = () => {
    for (const listener of [...listeners]) listener()
  }

  return {
    get,
    set: raw.set,
    update: raw.update,
    subscribe(listener) {
      listeners.add(listener)
      if (stop.length === 0) {
        stop = [
          raw.subscribe(() => {
            want()
            tell()
          }),
          clear.subscribe(() => {
            isStale = true
            const before = shown?.state
            if (get() !== before) tell()
          }),
        ]
        isStale = true
        want()
      }
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        for (const each of stop.splice(0)) each()
      }
    },
  }
}
