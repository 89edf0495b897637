/**
 * The order of the room list: what calls for the user first, then by last activity.
 *
 * Importance: favourites that are unread rank with the unread; a mention before a message before
 * quiet. Low-priority rooms (tag `m.lowpriority`) stay last unless they mention the user.
 */
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'

export type RoomFilter = 'all' | 'unread' | 'people' | 'rooms' | 'favourites' | 'invites'

export const isSpace = (room: RoomSummaryRow) => room.room_type === 'm.space'
const listed = (room: RoomSummaryRow) => room.membership === 'join' && !isSpace(room)

/** 3 mentioned, 2 unread, 1 quiet, 0 low priority */
export function importanceOf(room: RoomSummaryRow): number {
  if (room.highlight_count > 0) return 3
  if (room.tags.includes('m.lowpriority')) return 0
  return room.notification_count > 0 ? 2 : 1
}

export function compareRooms(a: RoomSummaryRow, b: RoomSummaryRow): number {
  return (
    importanceOf(b) - importanceOf(a) || b.last_activity_ts - a.last_activity_ts || (a.room_id < b.room_id ? -1 : 1) // stable where all else is equal
  )
}

export function matchesFilter(room: RoomSummaryRow, filter: RoomFilter): boolean {
  if (filter === 'unread') return room.notification_count > 0 || room.highlight_count > 0
  if (filter === 'people') return room.is_direct
  if (filter === 'rooms') return !room.is_direct
  if (filter === 'favourites') return room.tags.includes('m.favourite')
  return filter === 'all'
}

/** Joined rooms in list order. @param within only these */
export function listRooms(
  rooms: ReadonlyMap<string, RoomSummaryRow>,
  filter: RoomFilter = 'all',
  term = '',
  within?: ReadonlySet<string>,
): RoomSummaryRow[] {
  const wanted = term.trim().toLocaleLowerCase()
  const matches = (room: RoomSummaryRow) =>
    !wanted ||
    [room.name, room.canonical_alias, ...room.heroes].some((text) => text?.toLocaleLowerCase().includes(wanted))
  return [...rooms.values()]
    .filter(
      (room) => listed(room) && (!within || within.has(room.room_id)) && matchesFilter(room, filter) && matches(room),
    )
    .sort(compareRooms)
}

/** Joined spaces by name. */
export const listSpaces = (rooms: ReadonlyMap<string, RoomSummaryRow>) =>
  [...rooms.values()]
    .filter((room) => room.membership === 'join' && isSpace(room))
    .sort((a, b) => a.name.localeCompare(b.name) || (a.room_id < b.room_id ? -1 : 1))

/** Invites and knocks, newest first. */
export const listInvites = (rooms: ReadonlyMap<string, RoomSummaryRow>) =>
  [...rooms.values()]
    .filter((room) => room.membership === 'invite' || room.membership === 'knock')
    .sort((a, b) => b.last_activity_ts - a.last_activity_ts)

export const orderedRoomIds = (rooms: ReadonlyMap<string, RoomSummaryRow>) =>
  listRooms(rooms).map((room) => room.room_id)
