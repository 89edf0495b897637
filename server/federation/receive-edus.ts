/**
 * EDUs of another server: typing, receipts and presence, each for its own users only, in rooms where
 * those users are and that server is welcome.
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

export type ReceiveEdus = (origin: ServerName, edus: readonly unknown[]) => Promise<void>

type Needs = {
  rooms: Pick<Rooms, 'get'>
  receiveTyping: (typing: TypingEdu) => void | Promise<void>
  receiveReceipts: (receipts: readonly ReceiptEdu[]) => void | Promise<void>
  receivePresence: (presence: readonly PresenceEdu[]) => void | Promise<void>
  log: Logger
}

export function makeReceiveEdus(needs: Needs): ReceiveEdus {
  async function isMemberHere(origin: ServerName, roomId: RoomId, userId: UserId): Promise<boolean> {
    const room = await needs.rooms.get(roomId)
    if (!room?.joined.has(userId)) return false
    return isServerAllowed(room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content, origin)
  }

  async function receiveOne(origin: ServerName, value: unknown): Promise<void> {
    const edu = parseEdu(value)
    if (edu?.edu_type === 'm.typing') {
      const typing = parseTypingEdu(edu.content, origin)
      if (typing && (await isMemberHere(origin, typing.roomId, typing.userId))) await needs.receiveTyping(typing)
    } else if (edu?.edu_type === 'm.receipt') {
      const receipts: ReceiptEdu[] = []
      for (const receipt of parseReceiptEdu(edu.content, origin))
        if (await isMemberHere(origin, receipt.roomId, receipt.userId)) receipts.push(receipt)
      if (receipts.length > 0) await needs.receiveReceipts(receipts)
    } else if (edu?.edu_type === 'm.presence') {
      const presence = parsePresenceEdu(edu.content, origin)
      if (presence.length > 0) await needs.receivePresence(presence)
    }
  }

  return async function receiveEdus(origin, edus) {
    for (const edu of edus) {
      try {
        await receiveOne(origin, edu)
      } catch (error) {
        needs.log.warn({ err: error, origin }, 'an EDU could not be processed')
      }
    }
  }
}
