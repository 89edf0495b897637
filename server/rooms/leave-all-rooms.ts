/** Takes a user out of every room: joined ones are left, invites declined, knocks withdrawn. For deactivation. */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { MembershipRequest } from './member-operations.js'
import type { Rooms } from './room.js'

export type LeaveAllRooms = (userId: UserId) => Promise<void>

type Needs = {
  rooms: Pick<Rooms, 'membershipsOf'>
  leaveRoom(request: MembershipRequest): Promise<void>
  logger: Logger
}

/** A room that cannot be left (its servers are gone, say) does not keep the user in the others. */
export const makeLeaveAllRooms =
  ({ rooms, leaveRoom, logger }: Needs): LeaveAllRooms =>
  async (userId) => {
    const memberships = await rooms.membershipsOf(userId)
    const roomIds: RoomId[] = []
    for (const { roomId, membership } of memberships.values())
      if (membership === 'join' || membership === 'invite' || membership === 'knock') roomIds.push(roomId)
    for (const roomId of roomIds)
      await leaveRoom({ roomId, sender: userId }).catch((error: unknown) =>
        logger.warn({ err: error, room: roomId, user: userId }, 'a room could not be left'),
      )
  }
