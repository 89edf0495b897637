/**
 * The EDUs that this server makes, in wire form.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import type { Edu } from '../events/edu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'

export type { Edu } from '../events/edu.js'

type PresenceEntry = {
  user_id: UserId
  presence: 'online' | 'unavailable' | 'offline'
  last_active_ago: number
  currently_active?: boolean
  status_msg?: string
}

type Contents = {
  'm.typing': { room_id: RoomId; user_id: UserId; typing: boolean }
  'm.presence': { push: PresenceEntry[] }
}

/** True for EDUs of ours of that type: what others send is read by `events/edu.ts`, never by this. */
export const isEduOf = <Type extends keyof Contents>(
  edu: Edu,
  type: Type,
): edu is { edu_type: Type; content: Contents[Type] } => edu.edu_type === type

export const typingEdu = (roomId: RoomId, userId: UserId, typing: boolean): Edu => ({
  edu_type: 'm.typing',
  content: { room_id: roomId, user_id: userId, typing },
})

/** A public read receipt; private ones never leave this server. */
export const receiptEdu = (receipt: {
  roomId: RoomId
  userId: UserId
  eventId: EventId
  ts: number
  threadId?: string | undefined
}): Edu => {
  const { roomId, userId, eventId, ts, threadId } = receipt
  const data = threadId === undefined ? { ts } : { ts, thread_id: threadId }
  return { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': { [userId]: { data, event_ids: [eventId] } } } } }
}
