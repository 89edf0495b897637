/**
 * EDUs of another server: typing, receipts and presence, each for its own users only, in rooms where
 * those users are and that server is welcome; presence of users whom somebody here shares a room with.
 *
 * A transaction has as many EDUs as the spec lets it have, and each names as many users as it likes. What is taken of
 * them all is bounded; the rest is dropped, as ephemeral data may be.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import {
  type PresenceEdu,
  parseEdu,
  parsePresenceEdu,
  parseReceiptEdu,
  parseTypingEdu,
  type ReceiptEdu,
  type TypingEdu,
} from '../events/edu.js'
import { stateKeyOf } from '../events/pdu.js'
import { isServerAllowed } from '../events/server-acl.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import type { SharedPresence } from '../sync/presence.js'

export type ReceiveEdus = (origin: ServerName, edus: readonly unknown[]) => Promise<void>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readMember' | 'membershipsOf'>
  receiveTyping: (typing: TypingEdu) => void | Promise<void>
  receiveReceipts: (receipts: readonly ReceiptEdu[]) => void | Promise<void>
  receivePresence: (presence: readonly SharedPresence[]) => void | Promise<void>
  log: Logger
}

/** What is taken of one transaction; an honest one is far below. */
export const eduLimits = { receipts: 1_000, presence: 300 }
/** Rooms of a remote user that are looked at for somebody of ours; each may have to be loaded. */
const maxRoomsLookedAt = 20

/** Rooms that a remote user is joined to; none where nobody of ours is in one of them. */
export async function sharedRoomsOf(rooms: Pick<Rooms, 'get' | 'membershipsOf'>, userId: UserId): Promise<RoomId[]> {
  const joined = [...(await rooms.membershipsOf(userId)).values()]
    .filter(({ membership }) => membership === 'join')
    .map(({ roomId }) => roomId)
  for (const roomId of joined.slice(0, maxRoomsLookedAt)) {
    const room = await rooms.get(roomId)
    if (room && [...room.localMembers.values()].includes('join')) return joined
  }
  return []
}

export function makeReceiveEdus(needs: Needs): ReceiveEdus {
  const { rooms } = needs

  async function isMemberHere(origin: ServerName, roomId: RoomId, userId: UserId): Promise<boolean> {
    const room = await rooms.get(roomId)
    if (!room || (await rooms.readMember(room, userId))?.pdu.content.membership !== 'join') return false
    return isServerAllowed(room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content, origin)
  }

  async function shareable(presence: Iterable<PresenceEdu>): Promise<SharedPresence[]> {
    const shared: SharedPresence[] = []
    for (const edu of presence) {
      const roomIds = await sharedRoomsOf(rooms, edu.userId)
      if (roomIds.length > 0) shared.push({ ...edu, roomIds })
    }
    return shared
  }

  return async function receiveEdus(origin, edus) {
    /** By user: the last word counts. */
    const presence = new Map<UserId, PresenceEdu>()
    let receiptsLeft = eduLimits.receipts

    async function receiveOne(value: unknown): Promise<void> {
      const edu = parseEdu(value)
      if (edu?.edu_type === 'm.typing') {
        const typing = parseTypingEdu(edu.content, origin)
        if (typing && (await isMemberHere(origin, typing.roomId, typing.userId))) await needs.receiveTyping(typing)
      } else if (edu?.edu_type === 'm.receipt') {
        const named = parseReceiptEdu(edu.content, origin).slice(0, receiptsLeft)
        receiptsLeft -= named.length
        const receipts: ReceiptEdu[] = []
        for (const receipt of named)
          if (await isMemberHere(origin, receipt.roomId, receipt.userId)) receipts.push(receipt)
        if (receipts.length > 0) await needs.receiveReceipts(receipts)
      } else if (edu?.edu_type === 'm.presence') {
        for (const each of parsePresenceEdu(edu.content, origin))
          if (presence.has(each.userId) || presence.size < eduLimits.presence) presence.set(each.userId, each)
      }
    }

    async function attempt(work: () => Promise<void>): Promise<void> {
      try {
        await work()
      } catch (error) {
        needs.log.warn({ err: error, origin }, 'an EDU could not be processed')
      }
    }

    for (const edu of edus) await attempt(() => receiveOne(edu))
    await attempt(async () => {
      const shared = await shareable(presence.values())
      if (shared.length > 0) await needs.receivePresence(shared)
    })
  }
}
