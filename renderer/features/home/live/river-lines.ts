/** Which lines of the river are shown: filtered, newest first. Pure. */
import type { RoomEventRow } from '../../../../server/api/live/rows.js'
import { type EventKind, kindOf } from './describe-event.js'

export type RiverFilter = {
  /** None chosen means all. */
  kinds: ReadonlySet<EventKind>
  /** Lower case, trimmed. */
  term: string
  roomId: string | undefined
}

/** @param textOf what a line's filter looks through, lower case */
export function shownLines(
  lines: readonly RoomEventRow[],
  { kinds, term, roomId }: RiverFilter,
  textOf: (row: RoomEventRow) => string,
): RoomEventRow[] {
  const shown: RoomEventRow[] = []
  for (let index = lines.length - 1; index >= 0; index--) {
    const row = lines[index]!
    if (roomId !== undefined && row.room_id !== roomId) continue
    if (kinds.size > 0 && !kinds.has(kindOf(row))) continue
    if (term && !textOf(row).includes(term)) continue
    shown.push(row)
  }
  return shown
}

/** How many lines came in front of the one that was newest when the river was held. */
export function countSince(lines: readonly RoomEventRow[], newestHeld: RoomEventRow | undefined): number {
  if (!newestHeld) return lines.length
  const at = lines.findIndex((row) => row.event_id === newestHeld.event_id)
  return at < 0 ? lines.length : at
}
