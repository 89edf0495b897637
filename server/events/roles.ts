/**
 * Power levels as roles (S8), and what a role and a level let somebody do in a room.
 *
 * For everything that is no event: side effects, moderation before it becomes an event, user interfaces, PERMISSIONS of
 * small live tables (`fn::room_role` says the same in SurrealQL). The auth rules stay the judge of every event, and
 * reading never depends on a role.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
import type { LiveRole } from '../kernel/live-rows.js'
import type { PowerLevels } from './power-levels.js'

export type Role = LiveRole

/**
 * `read`: what every member may do (receipts, markers). `take_part`: what everybody with a role may (typing, new aliases).
 * The others as the room's power levels say, for somebody with a role.
 */
export type RoomAction =
  | 'read'
  | 'take_part'
  | 'invite'
  | 'kick'
  | 'ban'
  | 'redact'
  | { send: string }
  | { sendState: string }

/** Creators of a version-12 room stand above every level; the database gets the largest whole number for that. */
export const storedLevel = (level: number): number => Math.min(level, Number.MAX_SAFE_INTEGER)

/** ≥100 and version-12 creators: Owner; ≥50: Editor; ≥0: Viewer; below, and for who is not joined: None. */
export function roleOf(membership: string | undefined, level: number): Role {
  if (membership !== 'join' || level < 0) return 'None'
  if (level >= 100) return 'Owner'
  return level >= 50 ? 'Editor' : 'Viewer'
}

/** @param level the user's own in the room */
export function mayAct(
  powerLevels: PowerLevels,
  membership: string | undefined,
  level: number,
  action: RoomAction,
): boolean {
  if (action === 'read') return membership === 'join'
  if (roleOf(membership, level) === 'None') return false
  return action === 'take_part' || level >= requiredLevel(powerLevels, action)
}

function requiredLevel(powerLevels: PowerLevels, action: Exclude<RoomAction, 'read' | 'take_part'>): number {
  if (typeof action === 'string') return powerLevels[action]
  return 'send' in action ? powerLevels.levelFor(action.send, false) : powerLevels.levelFor(action.sendState, true)
}
