/**
 * Remembers in which rooms state resolution changed the state otherwise than by the newest event, so that
 * /sync compares whole states there, and only there.
 */
import type { RoomId } from '../kernel/identifiers.js'
import type { Room } from '../rooms/room.js'
import type { Database } from '../store/reader.js'

export type HasMovedSince = (room: Room, position: number) => boolean

export function makeHasMovedSince(db: Pick<Database, 'position' | 'onCommitted'>): HasMovedSince {
  const start = db.position
  const moved = new Map<RoomId, number>()
  db.onCommitted((changes) => {
    for (const change of changes) if (change.kind === 'state') moved.set(change.roomId, change.position)
  })
  return (room, position) => {
    if ((moved.get(room.roomId) ?? 0) > position) return true
    // Before the start nothing is remembered; a state that is not that of the newest event tells of a resolution.
    return position < start && room.recent.at(-1)?.node !== room.node
  }
}
