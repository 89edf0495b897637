/**
 * Redacts an event: sends the redaction, whichever form the room's version wants.
 *
 * The auth rules of newer versions allow any member to send one; who may redact whom among our own users is
 * checked where events are sent (send-event.ts), however a redaction comes.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#redactions
 */
import { forbidden, notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { SendEvent, SendEventOptions } from './send-event.js'

export type RedactEventRequest = { roomId: RoomId; sender: UserId; target: EventId; reason?: string }
/** @throws MatrixError `M_NOT_FOUND` for an event that is not in the room, `M_FORBIDDEN` */
export type RedactEvent = (request: RedactEventRequest, options?: SendEventOptions) => Promise<EventId>

export function makeRedactEvent(rooms: Pick<Rooms, 'get' | 'readEvent'>, sendEvent: SendEvent): RedactEvent {
  return async ({ roomId, sender, target, reason }, options) => {
    const room = await rooms.get(roomId)
    if (!room) throw notFound('This server does not know the room')
    if (!checkRoomPermission(room, sender, 'read')) throw forbidden('You are not in that room')
    const event = await rooms.readEvent(target)
    const isHere = event?.roomId === roomId && event.status !== 'outlier'
    // Whoever may redact anything may do so before it comes; of others nobody can say yet.
    const mayRedactAny = checkRoomPermission(room, sender, 'redact')
    if (!isHere && (event !== undefined || !mayRedactAny)) throw notFound('That event is not in this room')
    const inContent = room.rules.redactsLocation === 'content'
    const content = { ...(reason === undefined ? {} : { reason }), ...(inContent ? { redacts: target } : {}) }
    const draft = { type: 'm.room.redaction', sender, content, ...(inContent ? {} : { redacts: target }) }
    // One that would not be applied, as the target is of another server, would only confuse.
    if (event?.pdu.sender !== sender && !mayRedactAny) throw forbidden('You may not redact that event')
    return sendEvent(roomId, draft, options)
  }
}
