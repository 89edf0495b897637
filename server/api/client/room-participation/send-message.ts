/**
 * PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId} (operationId `sendMessage`)
 *
 * Sends a message event into a room the requester has joined. A client that lost the answer
 * repeats the request: the same path from the same device gets the first answer and nothing new
 * is sent, so a flaky network never posts a message twice.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { type EventId, EventIdSchema, parseEventId, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SendEvent } from '../../../rooms/send-event.js'
import type { OncePerTxn, RecordAnswer } from '../../../rooms/transaction-ids.js'
import type { CheckMaySend } from '../../../users/suspension.js'
import { timeOf } from './massaged-time.js'

/** All this endpoint may touch. Keep it short: it is also what a test has to supply. */
type Needs = { sendMessage: SendEvent; oncePerTxn: OncePerTxn; checkMaySend: CheckMaySend }

export const sendMessageEndpoint = defineEndpoint({
  operationId: 'sendMessage',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/:roomId/send/:eventType/:txnId',
  auth: 'access-token',
  guests: true,
  rateLimit: 'message',
  params: Type.Object({ roomId: RoomIdSchema, eventType: Type.String(), txnId: Type.String() }),
  query: Type.Object({ ts: Type.Optional(Type.Integer({ minimum: 0 })) }),
  body: Type.Record(Type.String(), Type.Unknown()), // any event content; its size is checked in events/
  response: Type.Object({ event_id: EventIdSchema }),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_TOO_LARGE', 'M_BAD_JSON', 'M_DUPLICATE_ANNOTATION', 'M_USER_SUSPENDED'],
  async handle({ params, query, body, requester, path }, hs: Needs) {
    const { roomId, eventType: type, txnId } = params
    // Versions that name a redaction's target at the top level take it from there; clients may send either.
    const redacts = type === 'm.room.redaction' ? parseEventId(body.redacts) : undefined
    await hs.checkMaySend(requester, redacts)
    const draft = {
      ...{ type, sender: requester.userId, content: body },
      ...(redacts ? { redacts } : {}),
      ...timeOf(query, requester),
    }
    const txn = { sid: requester.sid, txnId }
    const send = (writes: RecordAnswer<EventId>) => hs.sendMessage(roomId, draft, { txn, writes })
    return { event_id: await hs.oncePerTxn(requester, path, send) }
  },
})
