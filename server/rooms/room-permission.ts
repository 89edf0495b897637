/**
 * The one check of what a user of this server may do in a room, before anything is done (S8): the rule is
 * `events/roles.ts`, the room is the snapshot that the operation works on.
 *
 * Levels are kept with the room's power levels, which are another object as soon as they change; who is in the room
 * is asked of the snapshot each time. So nothing here can be older than the snapshot.
 */
import type { PowerLevels } from '../events/power-levels.js'
import { mayAct, type RoomAction } from '../events/roles.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Room } from './room.js'

type InRoom = Pick<Room, 'localMembers' | 'powerLevels'>

const levels = new WeakMap<PowerLevels, Map<UserId, number>>()
/** Users whose level in a room is kept; with more, they are worked out again. */
const maxUsers = 1_000

function levelIn({ powerLevels }: InRoom, userId: UserId): number {
  let known = levels.get(powerLevels)
  if (!known || known.size > maxUsers) {
    known = new Map()
    levels.set(powerLevels, known)
  }
  let level = known.get(userId)
  if (level === undefined) {
    level = powerLevels.userLevel(userId)
    known.set(userId, level)
  }
  return level
}

/** @param userId of this server; others may do nothing here */
export const checkRoomPermission = (room: InRoom, userId: UserId, action: RoomAction): boolean =>
  mayAct(room.powerLevels, room.localMembers.get(userId), levelIn(room, userId), action)
