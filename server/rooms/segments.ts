/**
 * Segments: stretches of a room's timeline without a hole. The rules, pure.
 *
 * `seq` is dense within a segment. News that stands on events which are not here begins a new segment, high above
 * the last one; history fills a segment from its low end down, until what its oldest events stand on is known. Then it
 * is linked with what lies below, or begins with the room itself. So order is `seq`, and every hole is known: it
 * lies below the low end of a segment that is `unknown` there.
 *
 * A gap between events is named by the seq after it (pagination tokens carry that). The place right after the last event of
 * a segment is below the hole, the place right before the first one of the next is above it.
 *
 * Decision: docs/decisions/0015-timeline-segments.md
 */
import type { EventId } from '../kernel/identifiers.js'

export type Segment = {
  /** Seq of the first event that came as news, and the segment's name. What lies below it was filled in later. */
  readonly origin: number
  /** Depth of that event, and its place in the stream of changes. */
  readonly depth: number
  readonly position: number
  /** Seq of the oldest event. */
  readonly low: number
  /** Seq of the newest event; undefined for the newest segment, whose last event is the room's. */
  readonly high: number | undefined
  /** What lies below the low end: the beginning of the room, the segment before, or a hole. */
  readonly below: 'start' | 'linked' | 'unknown'
  /** With `unknown`: events that the oldest ones stand on and that are not here. */
  readonly ends: readonly EventId[]
}

/** What of a room tells where its events are. */
export type Segmented = { readonly segments: readonly Segment[]; readonly maxSeq: number }

/** From `low` to `high`, both inclusive; dense. */
export type Stretch = { low: number; high: number }

/** Room between two segments: as many events may be missing between them as two of these, less what the lower one grows. */
const stride = 2 ** 24
/** Open ends of one segment; what leads to more begins another. */
const maxEnds = 100

const seqAfterHole = (maxSeq: number): number => (Math.floor(maxSeq / stride) + 2) * stride

/**
 * Whether news that stands on events which are not here begins a new segment. It does not where what it lacks
 * lies before the newest segment's own beginning, and is not here either: then that hole has one end more.
 */
function beginsSegment({ segments }: Segmented, depth: number, absent: readonly EventId[]): boolean {
  const newest = segments.at(-1)
  if (!newest || absent.length === 0) return !newest
  const isSameHole = newest.below === 'unknown' && depth <= newest.depth + 1
  return !isSameHole || newest.ends.length + absent.length > maxEnds
}

/** The least seq that news may get. */
export const leastSeq = (room: Segmented, depth: number, absent: readonly EventId[]): number =>
  room.segments.length > 0 && beginsSegment(room, depth, absent) ? seqAfterHole(room.maxSeq) : room.maxSeq + 1

/**
 * The segments with one piece of news.
 *
 * @param room as it was before; `seq` is that of the new event
 * @param absent events it stands on that are not here
 */
export function withNews(
  room: Segmented,
  news: { seq: number; depth: number; position: number; absent: readonly EventId[] },
): readonly Segment[] {
  const { seq, depth, position, absent } = news
  const { segments } = room
  const newest = segments.at(-1)
  if (beginsSegment(room, depth, absent)) {
    const below = absent.length > 0 ? ('unknown' as const) : ('start' as const)
    const own: Segment = { origin: seq, depth, position, low: seq, high: undefined, below, ends: absent }
    return newest ? [...segments.slice(0, -1), { ...newest, high: room.maxSeq }, own] : [own]
  }
  if (!newest || absent.length === 0) return segments
  return [...segments.slice(0, -1), { ...newest, ends: [...new Set([...newest.ends, ...absent])] }]
}

/** The segments with one of them filled down to `low`, and what is open there now. */
export function withHistory(
  segments: readonly Segment[],
  origin: number,
  low: number,
  ends: readonly EventId[],
): readonly Segment[] {
  return segments.map((segment, i) => {
    if (segment.origin !== origin) return segment
    return { ...segment, low, ends, below: ends.length > 0 ? 'unknown' : i === 0 ? 'start' : 'linked' }
  })
}

const highOf = ({ high }: Segment, { maxSeq }: Segmented): number => high ?? maxSeq

/** All stretches, oldest first. */
export const stretchesOf = (room: Segmented): Stretch[] =>
  room.segments.map((segment) => ({ low: segment.low, high: highOf(segment, room) }))

/** The events below a gap, as far down as they are dense; undefined where there are none. */
export function stretchBelow(room: Segmented, gap: number): Stretch | undefined {
  const segment = room.segments.findLast(({ low }) => low < gap)
  return segment && { low: segment.low, high: Math.min(gap - 1, highOf(segment, room)) }
}

/** The events above a gap, as far up as they are dense; undefined where there are none. */
export function stretchAbove(room: Segmented, gap: number): Stretch | undefined {
  const segment = room.segments.find((each) => highOf(each, room) >= gap)
  return segment && { low: Math.max(gap, segment.low), high: highOf(segment, room) }
}

/** The segment below whose low end a hole lies, where going down from the gap meets it before any event. */
export function holeBelow(room: Segmented, gap: number): Segment | undefined {
  const { segments } = room
  const at = segments.findLastIndex(({ low }) => low < gap)
  const under = segments[at]
  if (under && gap <= highOf(under, room) + 1) return undefined
  const above = segments[at + 1]
  return above?.below === 'unknown' ? above : undefined
}

/** The same going up: undefined at the beginning of all that is here, since nothing is known to lie before it then. */
export function holeAbove(room: Segmented, gap: number): Segment | undefined {
  const at = room.segments.findIndex((each) => highOf(each, room) >= gap)
  const segment = room.segments[at]
  return segment && at > 0 && gap < segment.low && segment.below === 'unknown' ? segment : undefined
}

/** Whether events are missing between this one and the newest. */
export const hasHoleAbove = ({ segments }: Segmented, seq: number): boolean =>
  segments.some(({ low, below }) => below === 'unknown' && low > seq)

/** Whether the event was filled in by backfill: its place tells nothing of when this server heard of it. */
export function isFilledIn(room: Segmented, seq: number): boolean {
  const segment = room.segments.find((each) => seq <= highOf(each, room))
  return segment !== undefined && seq < segment.origin
}

/** How many events are here. */
export const countEvents = (room: Segmented): number =>
  stretchesOf(room).reduce((sum, { low, high }) => sum + high - low + 1, 0)

/** Seq of the event with that number, counted from the oldest, from 0. */
export function seqOfNumber(room: Segmented, number: number): number {
  let left = number
  for (const { low, high } of stretchesOf(room)) {
    if (left <= high - low) return low + left
    left -= high - low + 1
  }
  return room.maxSeq
}
