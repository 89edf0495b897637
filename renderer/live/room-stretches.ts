/**
 * Where going back in a room's history leads: through a stretch of rows, over a jump in `seq`, to a hole that other
 * servers may fill, or to the beginning; and what lies above or around a place. Pure; the stretches are those of the room's line in `room_summaries`.
 */
import type { RoomSummaryRow } from '../../server/api/live/rows.js'

type Stretch = NonNullable<RoomSummaryRow['segments']>[number]

export type Step =
  /** Rows to be read, both ends inclusive; up to `covers` nothing else is there. */
  | { kind: 'range'; from: number; to: number; covers: number }
  /** Events are missing right below this seq; `isLast`: nothing known is below them. */
  | { kind: 'hole'; at: number; isLast: boolean }
  | { kind: 'start' }

const stretchesOf = (summary: RoomSummaryRow | undefined): readonly Stretch[] =>
  summary?.segments ?? [
    { low: summary?.first_seq ?? 1, high: summary?.max_seq ?? 0, hole: summary?.history_complete !== true },
  ]

/**
 * @param low    first seq that is loaded
 * @param size   rows to read at most
 * @param passed holes that could not be filled, by the seq above them: what lies below is read on
 */
export function stepBelow(
  summary: RoomSummaryRow | undefined,
  low: number,
  size: number,
  passed: ReadonlySet<number>,
): Step {
  const stretches = stretchesOf(summary)
  const at = stretches.findLastIndex((stretch) => stretch.low < low)
  const below = stretches[at]
  const isInside = below !== undefined && (low - 1 <= below.high || at === stretches.length - 1)
  if (below && isInside) return { kind: 'range', from: Math.max(below.low, low - size), to: low - 1, covers: low - 1 }
  const above = stretches[at + 1]
  if (above?.hole && !(below && passed.has(above.low))) return { kind: 'hole', at: above.low, isLast: !below }
  if (!below) return { kind: 'start' }
  return { kind: 'range', from: Math.max(below.low, below.high - size + 1), to: below.high, covers: low - 1 }
}

/**
 * @param high last seq that is loaded
 * @returns the next rows above it, both ends inclusive, over a jump in `seq` too; undefined where there are none
 */
export function rangeAbove(
  summary: RoomSummaryRow | undefined,
  high: number,
  size: number,
): { from: number; to: number } | undefined {
  const stretch = stretchesOf(summary).find((each) => each.high > high)
  if (!stretch) return undefined
  const from = Math.max(stretch.low, high + 1)
  return { from, to: Math.min(stretch.high, from + size - 1) }
}

/** Rows on both sides of a seq, within its own stretch; a seq between two stands for the end of the lower one. */
export function rangeAround(
  summary: RoomSummaryRow | undefined,
  seq: number,
  size: number,
): { from: number; to: number } {
  const stretch = stretchesOf(summary).findLast(({ low }) => low <= seq)
  if (!stretch) return { from: seq - size, to: seq + size }
  const at = Math.min(seq, stretch.high)
  return { from: Math.max(stretch.low, at - size), to: Math.min(stretch.high, at + size) }
}

/** Holes within what is loaded, each by the seq of the event above it. */
export function holesIn(summary: RoomSummaryRow | undefined, low: number, high: number): readonly number[] {
  return (summary?.segments ?? []).flatMap((stretch, i) =>
    i > 0 && stretch.hole && stretch.low > low && stretch.low <= high ? [stretch.low] : [],
  )
}

/**
 * Where a hole is by now: below what came in under its seq, though the room's line does not say so yet.
 *
 * @param rows in order of seq
 */
export function holeNow(rows: readonly { seq: number }[], seq: number): number {
  let at = rows.findIndex((row) => row.seq >= seq)
  if (at < 0) return seq
  while (at > 0 && rows[at - 1]!.seq === rows[at]!.seq - 1) at--
  return rows[at]!.seq
}

/** What has been filled in below a seq since: a range to be read, its newest part where it is long. */
export function filledBelow(
  summary: RoomSummaryRow | undefined,
  seq: number,
  most: number,
): { from: number; to: number } | undefined {
  const stretch = stretchesOf(summary).find(({ low, high }) => low < seq && high >= seq)
  return stretch && { from: Math.max(stretch.low, seq - most), to: seq - 1 }
}
