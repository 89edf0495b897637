/**
 * A room's timeline as far as it is loaded: pure merging of rows by seq.
 *
 * `low..high` is the range whose rows have been asked for; a seq in it without a row is one this
 * user may not see. Live rows arrive out of order, twice, or ahead of a gap; they are shown at once
 * and the gap is reported, to be filled by one range SELECT.
 */
import type { RoomEventRow } from '../../server/api/live/rows.js'

export type LoadedTimeline = {
  /** In order of seq, no doubles. */
  rows: readonly RoomEventRow[]
  /** First and last seq of the loaded range, inclusive; high < low when nothing is loaded. */
  low: number
  high: number
}

export const nothingLoaded: LoadedTimeline = { rows: [], low: 1, high: 0 }
export const isLoaded = (timeline: LoadedTimeline) => timeline.high >= timeline.low

/** Adds rows; of two with one seq the later given wins (a redaction rewrites its row). */
export function mergeRows(timeline: LoadedTimeline, added: readonly RoomEventRow[]): LoadedTimeline {
  if (added.length === 0) return timeline
  const last = timeline.rows.at(-1)
  const [only] = added
  // The usual case, one new row at the end, must not sort 10,000.
  if (added.length === 1 && only && (!last || only.seq > last.seq))
    return extend({ ...timeline, rows: [...timeline.rows, only] })
  const bySeq = new Map(timeline.rows.map((row) => [row.seq, row]))
  for (const row of added) bySeq.set(row.seq, row)
  return extend({ ...timeline, rows: [...bySeq.values()].sort((a, b) => a.seq - b.seq) })
}

/** The answer of a range SELECT: its rows, and the fact that the whole range is now known. */
export function mergeRange(
  timeline: LoadedTimeline,
  rows: readonly RoomEventRow[],
  from: number,
  to: number,
): LoadedTimeline {
  const merged = mergeRows(timeline, rows)
  if (!isLoaded(timeline)) return extend({ ...merged, low: from, high: to })
  const touches = from <= timeline.high + 1 && to >= timeline.low - 1
  if (!touches) return merged
  return extend({ ...merged, low: Math.min(timeline.low, from), high: Math.max(merged.high, to) })
}

/** A row that came live. What lies before the loaded range is not ours to show yet. */
export function mergeLiveRow(timeline: LoadedTimeline, row: RoomEventRow): LoadedTimeline {
  if (!isLoaded(timeline) || row.seq < timeline.low) return timeline
  return mergeRows(timeline, [row])
}

/** @returns the range to SELECT, inclusive, when a row arrived ahead of others or `maxSeq` says there are more */
export function gapOf(timeline: LoadedTimeline, maxSeq = 0): { from: number; to: number } | undefined {
  if (!isLoaded(timeline)) return undefined
  const newest = Math.max(timeline.rows.at(-1)?.seq ?? timeline.high, maxSeq)
  return newest > timeline.high ? { from: timeline.high + 1, to: newest } : undefined
}

/** Keeps only the newest rows, for a room that is put aside. */
export function trimTimeline(timeline: LoadedTimeline, keep: number): LoadedTimeline {
  const rows = timeline.rows.slice(-keep)
  const [first] = rows
  return first && rows.length < timeline.rows.length ? { ...timeline, rows, low: first.seq } : timeline
}

/** `high` moves up over rows that follow it without a gap. */
function extend(timeline: LoadedTimeline): LoadedTimeline {
  const { rows } = timeline
  let { high } = timeline
  let at = rows.length
  while (at > 0 && rows[at - 1]!.seq > high) at--
  while (at < rows.length && rows[at]!.seq === high + 1) {
    high++
    at++
  }
  return high === timeline.high ? timeline : { ...timeline, high }
}
