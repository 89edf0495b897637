/** Where in a room's timeline a stream position is. */
import type { Room, Rooms } from '../rooms/room.js'

/**
 * Seq of the last event up to a position, filled-in history apart; below all of it where there is none.
 *
 * From memory for the room's recent events; else a binary search in the segment of that time, one row a step: seq
 * and position rise together from a segment's origin on.
 */
export async function readSeqAt(rooms: Pick<Rooms, 'readTimeline'>, room: Room, position: number): Promise<number> {
  const { recent, segments, maxSeq } = room
  const first = segments[0]
  if (!first) return 0
  if (position >= room.lastPosition) return maxSeq
  const segment = segments.findLast((each) => each.position <= position)
  if (!segment) return first.origin - 1
  const known = recent.findLast((event) => event.position <= position && event.seq >= segment.origin)
  if (known && segment === segments.at(-1)) return known.seq
  let low = segment.origin
  let high = segment.high ?? Math.min(maxSeq, (recent[0]?.seq ?? maxSeq + 1) - 1)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const [event] = await rooms.readTimeline(room.roomId, middle, middle)
    if (event && event.position <= position) low = middle
    else high = middle - 1
  }
  return low
}
