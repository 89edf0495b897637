/**
 * The newest events of a room that a user may see and asked for: the `timeline` of /sync.
 *
 * Walks back from the end in pages until there is one event more than the limit, which is how it
 * knows whether the window is *limited*: whether the client has a gap to fill with /messages. It ends at a hole: what
 * this server has not, /messages fetches.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import { holeBelow, stretchBelow } from '../rooms/segments.js'
import type { VisibleEvent } from './client-events.js'
import type { Visibility } from './visibility.js'

export type TimelineWindow = {
  /** Oldest first. */
  events: VisibleEvent[]
  limited: boolean
  /** Seq of the first event that the window stands for; the gap before it is `prev_batch`. */
  startSeq: number
  /** Seq of the newest event that the window stands for, or of the one before where it stands for none. */
  lastSeq: number
  /** All events from `startSeq` on, those included that a filter or the visibility took out. */
  scanned: TimelineEvent[]
}

export type TimelineQuery = {
  room: Room
  userId: UserId
  /** Seq of the last event that the client has; undefined: none. */
  after: number | undefined
  /** Seq of the newest event wanted, inclusive. */
  last: number
  limit: number
  wants(event: TimelineEvent): boolean
}

/** Where a filter lets next to nothing through, a client gets a gap rather than the room's whole history read. */
const maxScanned = 1000

type Needs = { rooms: Pick<Rooms, 'readTimeline'>; visibility: Pick<Visibility, 'filterVisible'> }
export type ReadTimelineWindow = (query: TimelineQuery) => Promise<TimelineWindow>

export function makeReadTimelineWindow({ rooms, visibility }: Needs): ReadTimelineWindow {
  return async ({ room, userId, after, last, limit, wants }) => {
    const found: VisibleEvent[] = [] // newest first
    const scanned: TimelineEvent[] = [] // newest first
    let gap = last + 1
    /** What is below the gap is not here, or was not looked at. */
    let isOpen = false
    while (found.length <= limit && scanned.length < maxScanned) {
      isOpen = holeBelow(room, gap) !== undefined && (after === undefined || gap > after + 1)
      const stretch = isOpen ? undefined : stretchBelow(room, gap)
      if (!stretch || (after !== undefined && stretch.high <= after)) break
      const low = Math.max(stretch.low, (after ?? Number.NEGATIVE_INFINITY) + 1)
      const from = Math.max(low, stretch.high - pageSize(limit, scanned.length) + 1)
      const page = await rooms.readTimeline(room.roomId, from, stretch.high)
      const visible = await visibility.filterVisible(room, userId, page.filter(wants))
      found.push(...visible.reverse())
      scanned.push(...page.reverse())
      gap = from
      isOpen = scanned.length >= maxScanned && stretchBelow(room, gap) !== undefined && gap > (after ?? -Infinity) + 1
    }
    const limited = found.length > limit || isOpen
    const events = found.slice(0, limit).reverse()
    const startSeq = found.length > limit ? (events[0]?.event.seq ?? last + 1) : Math.min(gap, last + 1)
    return { events, limited, startSeq, lastSeq: last, scanned: scanned.reverse().filter(({ seq }) => seq >= startSeq) }
  }
}

/** Small at first, since most of what is read is wanted; larger the longer it was not. */
const pageSize = (limit: number, scannedSoFar: number) => (scannedSoFar === 0 ? Math.max(limit + 1, 20) : 200)
