/** Where in a room's timeline a stream position is. */
import type { Room, Rooms } from '../rooms/room.js'

/**
 * Seq of the last event up to a position, backfilled history apart; 0 where there is none.
 *
 * From memory for the room's recent events; else a binary search, one row a step: seq and position
 * rise together for all but backfilled events, which have no seq above 0.
 */
export async function readSeqAt(rooms: Pick<Rooms, 'readTimeline'>, room: Room, position: number): Promise<number> {
  const { recent, maxSeq } = room
  // Backfilled events may stand at the front, with later positions.
  const first = recent.find(({ seq }) => seq > 0)
  if (!first || position >= room.lastPosition) return Math.max(0, maxSeq)
  if (first.position <= position) {
    for (let at = recent.length - 1; at >= 0; at--) {
      const event = recent[at]
      if (event && event.position <= position && event.seq > 0) return event.seq
    }
  }
  let low = 0
  let high = first.seq - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const [event] = await rooms.readTimeline(room.roomId, middle, middle)
    if (event && event.position <= position) low = middle
    else high = middle - 1
  }
  return low
}
