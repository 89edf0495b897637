/**
 * Memberships of our users in rooms this server is not in: an invite or knock that went over
 * federation, and its end. There is no timeline for them, only the row and its stripped state.
 */
import type { JsonObject } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Membership } from '../rooms/room.js'
import type { RoomsForWriting } from '../rooms/rooms.js'
import { setMembership } from '../store/membership-store.js'
import type { Change } from '../store/writes.js'

export type RemoteMembership = {
  roomId: RoomId
  membership: Membership
  eventId: EventId
  sender: UserId
  /** Stripped state events, the member event itself among them. */
  stripped?: JsonObject[]
}

/** Resolves when it is durable and told. */
export type SetRemoteMembership = (userId: UserId, row: RemoteMembership) => Promise<void>

export function makeSetRemoteMembership(
  rooms: Pick<RoomsForWriting, 'db' | 'setMembershipInMemory'>,
): SetRemoteMembership {
  return (userId, { roomId, membership, eventId, sender, stripped }) =>
    rooms.db.commit((grant) => {
      const position = grant.position()
      const change: Change = { kind: 'membership', position, roomId, userId, membership }
      const kept = { roomId, membership, eventId, sender, position, forgotten: false, ...(stripped && { stripped }) }
      const row = {
        room_id: roomId,
        membership,
        event_id: eventId,
        sender,
        position,
        seq: undefined,
        forgotten: false,
        stripped: stripped && JSON.stringify(stripped),
      }
      return {
        writes: [setMembership(userId, row)],
        changes: [change],
        result: undefined,
        durable: () => rooms.setMembershipInMemory(userId, kept),
      }
    })
}

/** An event as a client sees it before it is in the room. */
export const strippedOf = (pdu: JsonObject): JsonObject => ({
  type: pdu.type,
  state_key: pdu.state_key,
  sender: pdu.sender,
  content: pdu.content,
})
