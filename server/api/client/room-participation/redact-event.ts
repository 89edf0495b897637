/**
 * PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId} (operationId `redactEvent`)
 *
 * Takes the content of an event away, for everyone.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { type EventId, EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { RedactEvent } from '../../../rooms/redact-event.js'
import type { OncePerTxn, RecordAnswer } from '../../../rooms/transaction-ids.js'
import type { CheckMaySend } from '../../../users/suspension.js'

type Needs = { redactEvent: RedactEvent; oncePerTxn: OncePerTxn; checkMaySend: CheckMaySend }

export const redactEventEndpoint = defineEndpoint({
  operationId: 'redactEvent',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/:roomId/redact/:eventId/:txnId',
  auth: 'access-token',
  guests: true,
  rateLimit: 'message',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema, txnId: Type.String() }),
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  response: Type.Object({ event_id: EventIdSchema }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_USER_SUSPENDED'],
  async handle({ params, body, requester, path }, hs: Needs) {
    const { roomId, eventId, txnId } = params
    await hs.checkMaySend(requester, eventId)
    const redaction = { roomId, sender: requester.userId, target: eventId, reason: body.reason }
    const txn = { sid: requester.sid, txnId }
    const send = (writes: RecordAnswer<EventId>) => hs.redactEvent(redaction, { txn, writes })
    return { event_id: await hs.oncePerTxn(requester, path, send) }
  },
})
