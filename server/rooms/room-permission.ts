/**
 * Power levels as roles (row S8 of the plan), and what a user may do in a room.
 *
 * A quick answer for user interfaces, side effects and live tables. The auth rules stay the final judge of every event.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Room } from './room.js'

export type Role = 'Owner' | 'Editor' | 'Viewer' | 'None'

export type RoomAction = 'invite' | 'kick' | 'ban' | 'redact' | { send: string } | { sendState: string }

/** ≥100 and version-12 creators: Owner; ≥50: Editor; ≥0: Viewer; below, and for who is not joined: None. */
export function roleOf(room: Pick<Room, 'joined' | 'powerLevels'>, userId: UserId): Role {
  if (!room.joined.has(userId)) return 'None'
  const level = room.powerLevels.userLevel(userId)
  if (level >= 100) return 'Owner'
  if (level >= 50) return 'Editor'
  return level >= 0 ? 'Viewer' : 'None'
}

export function checkRoomPermission(
  room: Pick<Room, 'joined' | 'powerLevels'>,
  userId: UserId,
  action: RoomAction,
): boolean {
  if (roleOf(room, userId) === 'None') return false
  return room.powerLevels.userLevel(userId) >= requiredLevel(room, action)
}

function requiredLevel({ powerLevels }: Pick<Room, 'powerLevels'>, action: RoomAction): number {
  if (typeof action === 'string') return powerLevels[action]
  return 'send' in action ? powerLevels.levelFor(action.send, false) : powerLevels.levelFor(action.sendState, true)
}
