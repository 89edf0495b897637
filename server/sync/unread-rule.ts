/**
 * Which events count as unread, and which call a user by name: what the server's default push rules
 * amount to, without the user's changes to them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
import { isJsonObject, type Pdu } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Room } from '../rooms/room.js'

export type Weight = { notifies: boolean; highlights: boolean }
/** Of an event for a user who did not send it. */
export type WeighEvent = (room: Pick<Room, 'powerLevels'>, userId: UserId, pdu: Pdu) => Weight

const silent: Weight = { notifies: false, highlights: false }
const notifyingTypes = new Set(['m.room.message', 'm.room.encrypted', 'm.call.invite'])

export const weighByDefault: WeighEvent = (room, userId, pdu) => {
  if (pdu.type === 'm.room.tombstone' && pdu.state_key === '') return { notifies: true, highlights: true }
  if (pdu.content.msgtype === 'm.notice' || isEdit(pdu)) return silent
  const highlights = mentions(room, userId, pdu)
  return { notifies: highlights || (pdu.state_key === undefined && notifyingTypes.has(pdu.type)), highlights }
}

function isEdit({ content }: Pdu): boolean {
  const relation = content['m.relates_to']
  return isJsonObject(relation) && relation.rel_type === 'm.replace'
}

function mentions(room: Pick<Room, 'powerLevels'>, userId: UserId, { content, sender }: Pdu): boolean {
  const named = content['m.mentions']
  if (!isJsonObject(named)) return false
  if (Array.isArray(named.user_ids) && named.user_ids.includes(userId)) return true
  return named.room === true && room.powerLevels.userLevel(sender) >= room.powerLevels.notifications.room
}
