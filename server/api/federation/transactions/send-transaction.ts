/**
 * PUT /_matrix/federation/v1/send/{txnId} (operationId `sendTransaction`)
 *
 * Takes in what another server has to tell: PDUs and EDUs. Answers 200 with a result per PDU even
 * where some were refused; a repeated transaction gets its first answer.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid
 */
import { Type } from 'typebox'
import type { ReceiveTransaction } from '../../../federation/receive-transaction.js'
import { defineEndpoint } from '../../../http/endpoint.js'

type Needs = { receiveTransaction: ReceiveTransaction }

export const sendTransactionEndpoint = defineEndpoint({
  operationId: 'sendTransaction',
  method: 'PUT',
  path: '/_matrix/federation/v1/send/:txnId',
  auth: 'signed',
  rateLimit: 'none', // the receiver has its own limits, per origin and in all
  params: Type.Object({ txnId: Type.String({ minLength: 1, maxLength: 255 }) }),
  // Fifty events of 64 KiB, and as much again for EDUs.
  maxBodyBytes: 7 * 1024 * 1024,
  body: Type.Object({
    pdus: Type.Optional(Type.Array(Type.Unknown())),
    edus: Type.Optional(Type.Array(Type.Unknown())),
  }),
  response: Type.Object({ pdus: Type.Record(Type.String(), Type.Object({ error: Type.Optional(Type.String()) })) }),
  errors: ['M_INVALID_PARAM', 'M_LIMIT_EXCEEDED'],
  handle({ params, body, origin }, hs: Needs) {
    return hs.receiveTransaction(origin, params.txnId, { pdus: body.pdus ?? [], edus: body.edus ?? [] })
  },
})
