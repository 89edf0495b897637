/**
 * EDUs of other servers: typing, receipts and presence, read from hostile input.
 *
 * A server speaks for its own users only. Whatever it says of others is dropped here, so that the
 * code behind needs not ask again; malformed entries are dropped one by one.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import {
  type EventId,
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { isJsonObject, type JsonObject } from './pdu.js'

/** An EDU of any type, as a transaction carries it. */
export type Edu = { readonly edu_type: string; readonly content: JsonObject }

export type TypingEdu = { roomId: RoomId; userId: UserId; isTyping: boolean }

export type ReceiptEdu = {
  roomId: RoomId
  /** Only `m.read` crosses servers; private receipts never do. */
  receiptType: 'm.read'
  userId: UserId
  eventId: EventId
  /** Milliseconds since the epoch, as the sending server has them. */
  ts: number
  /** Root of the thread, or `main`; undefined for a receipt that is for no thread. */
  threadId?: string
}

export type PresenceState = 'online' | 'unavailable' | 'offline'
export type PresenceEdu = {
  userId: UserId
  presence: PresenceState
  statusMsg?: string
  lastActiveAgoMs?: number
  isCurrentlyActive: boolean
}

/** Most entries read of one EDU. A full transaction then costs no more than an honest one ever needs. */
export const maxEduEntries = 1000
/** The spec sets no limit to a status; ours is that of a state event's field. */
const maxStatusBytes = 1024

export function parseEdu(value: unknown): Edu | undefined {
  if (!isJsonObject(value) || typeof value.edu_type !== 'string' || !isJsonObject(value.content)) return undefined
  return { edu_type: value.edu_type, content: value.content }
}

function parseUserOf(origin: ServerName, value: unknown): UserId | undefined {
  const userId = parseUserId(value)
  return userId && serverNameOf(userId) === origin ? userId : undefined
}

/** Spec: https://spec.matrix.org/v1.19/server-server-api/#typing-notifications */
export function parseTypingEdu(content: JsonObject, origin: ServerName): TypingEdu | undefined {
  const roomId = parseRoomId(content.room_id)
  const userId = parseUserOf(origin, content.user_id)
  if (!roomId || !userId || typeof content.typing !== 'boolean') return undefined
  return { roomId, userId, isTyping: content.typing }
}

/** Spec: https://spec.matrix.org/v1.19/server-server-api/#receipts */
export function parseReceiptEdu(content: JsonObject, origin: ServerName): ReceiptEdu[] {
  const receipts: ReceiptEdu[] = []
  for (const [room, byType] of Object.entries(content)) {
    const roomId = parseRoomId(room)
    const byUser = isJsonObject(byType) ? byType['m.read'] : undefined
    if (!roomId || !isJsonObject(byUser)) continue
    for (const [user, receipt] of Object.entries(byUser)) {
      if (receipts.length >= maxEduEntries) return receipts
      const userId = parseUserOf(origin, user)
      const read = userId && parseReceipt(receipt)
      if (read) receipts.push({ roomId, receiptType: 'm.read', userId, ...read })
    }
  }
  return receipts
}

function parseReceipt(value: unknown): Pick<ReceiptEdu, 'eventId' | 'ts' | 'threadId'> | undefined {
  if (!isJsonObject(value) || !Array.isArray(value.event_ids) || !isJsonObject(value.data)) return undefined
  const eventId = parseEventId(value.event_ids[0])
  const { ts, thread_id: threadId } = value.data
  if (!eventId || typeof ts !== 'number' || !Number.isSafeInteger(ts)) return undefined
  if (threadId === undefined) return { eventId, ts }
  return threadId === 'main' || parseEventId(threadId) ? { eventId, ts, threadId: String(threadId) } : undefined
}

/** Spec: https://spec.matrix.org/v1.19/server-server-api/#presence */
export function parsePresenceEdu(content: JsonObject, origin: ServerName): PresenceEdu[] {
  if (!Array.isArray(content.push)) return []
  return content.push
    .slice(0, maxEduEntries)
    .map((entry) => parsePresence(entry, origin))
    .filter((entry) => entry !== undefined)
}

function parsePresence(value: unknown, origin: ServerName): PresenceEdu | undefined {
  if (!isJsonObject(value)) return undefined
  const userId = parseUserOf(origin, value.user_id)
  const { presence, status_msg: statusMsg, last_active_ago: agoMs } = value
  if (!userId || (presence !== 'online' && presence !== 'unavailable' && presence !== 'offline')) return undefined
  const edu: PresenceEdu = { userId, presence, isCurrentlyActive: value.currently_active === true }
  if (typeof statusMsg === 'string' && Buffer.byteLength(statusMsg) <= maxStatusBytes) edu.statusMsg = statusMsg
  if (typeof agoMs === 'number' && Number.isSafeInteger(agoMs) && agoMs >= 0) edu.lastActiveAgoMs = agoMs
  return edu
}
