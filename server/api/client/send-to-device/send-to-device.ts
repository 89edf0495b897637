/**
 * PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId} (operationId `sendToDevice`)
 *
 * Sends messages to devices, each once: repeating the request sends nothing more.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid
 */
import { Type } from 'typebox'
import type { SendToDevice } from '../../../encryption/send-to-device.js'
import type { JsonObject } from '../../../events/pdu.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { OncePerTxn } from '../../../rooms/transaction-ids.js'
import { byUser } from '../end-to-end-encryption/key-schemas.js'

type Needs = { sendToDevice: SendToDevice; oncePerTxn: OncePerTxn }

const ContentSchema = Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true }))

export const sendToDeviceEndpoint = defineEndpoint({
  operationId: 'sendToDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/sendToDevice/:eventType/:txnId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ eventType: Type.String({ maxLength: 255 }), txnId: Type.String() }),
  body: Type.Object({ messages: Type.Record(Type.String(), Type.Record(Type.String(), ContentSchema)) }),
  response: Type.Object({}),
  errors: ['M_TOO_LARGE'],
  async handle({ params, body, requester, path }, hs: Needs) {
    await hs.oncePerTxn<undefined>(requester, path, async (record) => {
      const messages = byUser(body.messages, (byDevice) => new Map(Object.entries(byDevice)))
      await hs.sendToDevice({ sender: requester.userId, type: params.eventType, messages }, () => record(undefined))
    })
    return {}
  },
})
