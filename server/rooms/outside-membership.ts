/**
 * Memberships of our users in rooms this server is not in: an invite or knock that went over federation, and
 * its end. There is no timeline for them, only the row, its stripped state, and the event that ended it.
 *
 * What another server has to say comes late and in any order: it is written only while the membership that
 * it was about is still held, which is asked under the room's lock, as everything else that moves a membership.
 */
import type { JsonObject, PduEvent } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { setMembership } from '../store/membership-store.js'
import type { Change, Write } from '../store/writes.js'
import { outlierWrite } from './import-room.js'
import type { Membership, RoomMembership } from './room.js'
import type { RoomsForWriting } from './rooms.js'

export type OutsideMembership = {
  roomId: RoomId
  membership: Membership
  eventId: EventId
  sender: UserId
  /** Stripped state events, the member event itself among them. */
  stripped?: JsonObject[]
  /** The server that the invite came from, or that took the knock. */
  via?: ServerName
  roomVersion?: string
}

export type SetOutsideMembership = (
  userId: UserId,
  row: OutsideMembership,
  options?: {
    /** Asked of what is held at that moment; what is not as expected stays as it is. */
    isExpected?: (held: RoomMembership | undefined) => boolean
    /** Kept, so that clients can be shown it. */
    event?: { event: PduEvent; rules: RoomVersionRules }
    /** Further writes of the same commit. */
    writes?: readonly Write[]
  },
) => Promise<boolean>

type Needs = Pick<RoomsForWriting, 'db' | 'write' | 'membershipsOf' | 'setMembershipInMemory'>

/** Resolves when it is durable and told. @returns whether it was written */
export function makeSetOutsideMembership(rooms: Needs): SetOutsideMembership {
  return (userId, row, { isExpected, event, writes = [] } = {}) =>
    rooms.write(row.roomId, async (tx) => {
      await tx.landed() // what is on its way may change what is held
      const held = (await rooms.membershipsOf(userId)).get(row.roomId)
      if (isExpected && !isExpected(held)) return false
      const isKept = event && (await tx.readEvents([event.event.eventId])).length === 0
      await rooms.db.commit((grant) => {
        const { roomId, membership, eventId, sender, stripped, via, roomVersion } = row
        const position = grant.position()
        const change: Change = { kind: 'membership', position, roomId, userId, membership }
        const write = setMembership(userId, {
          ...{ room_id: roomId, membership, event_id: eventId, sender, position, forgotten: false, via },
          stripped: stripped && JSON.stringify(stripped),
          room_version: roomVersion,
        })
        return {
          writes: [write, ...(isKept ? [outlierWrite(event.event, event.rules)] : []), ...writes],
          changes: [change],
          result: undefined,
          durable: () => rooms.setMembershipInMemory(userId, { ...row, position, forgotten: false }),
        }
      })
      return true
    })
}

/** An event as a client sees it before it is in the room. */
export const strippedOf = (pdu: JsonObject): JsonObject => ({
  type: pdu.type,
  state_key: pdu.state_key,
  sender: pdu.sender,
  content: pdu.content,
})
