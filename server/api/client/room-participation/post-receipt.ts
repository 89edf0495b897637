/**
 * POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId} (operationId `postReceipt`)
 *
 * The requester has read up to an event; `m.fully_read` moves the read marker instead.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { invalidParam } from '../../../kernel/errors.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'
import type { SetFullyRead } from '../../../sync/read-markers.js'
import type { Receipts } from '../../../sync/receipts.js'

type Needs = { setReceipt: Receipts['set']; setFullyRead: SetFullyRead }

export const postReceiptEndpoint = defineEndpoint({
  operationId: 'postReceipt',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/:roomId/receipt/:receiptType/:eventId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({
    roomId: RoomIdSchema,
    receiptType: Type.Union([Type.Literal('m.read'), Type.Literal('m.read.private'), Type.Literal('m.fully_read')]),
    eventId: EventIdSchema,
  }),
  body: Type.Object({ thread_id: Type.Optional(Type.Unknown()) }),
  response: Type.Object({}),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM'],
  async handle({ params, body, requester }, hs: Needs) {
    const { roomId, receiptType, eventId } = params
    const { thread_id: threadId } = body
    if (threadId !== undefined && typeof threadId !== 'string') throw invalidParam('thread_id is not a string')
    if (receiptType !== 'm.fully_read')
      await hs.setReceipt({ userId: requester.userId, roomId, receiptType, eventId, threadId })
    else if (threadId !== undefined) throw invalidParam('m.fully_read is not kept per thread')
    else await hs.setFullyRead(requester.userId, roomId, eventId)
    return {}
  },
})
