/**
 * PUT /_matrix/federation/v2/send_join/{roomId}/{eventId} (operationId `sendJoinV2`)
 *
 * Accepts a signed join into the room and answers with the room's state before it and the auth chain.
 * Always the whole state: `omit_members` is a permission that we do not use.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
import { Type } from 'typebox'
import type { SendMembership } from '../../../federation/send-membership.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { streamJson } from '../../../http/json-stream.js'
import { EventIdSchema, RoomIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<SendMembership, 'receiveJoin'>

export const sendJoinV2Endpoint = defineEndpoint({
  operationId: 'sendJoinV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_join/:roomId/:eventId',
  auth: 'signed',
  params: Type.Object({ roomId: RoomIdSchema, eventId: EventIdSchema }),
  query: Type.Object({ omit_members: Type.Optional(Type.Boolean()) }),
  maxBodyBytes: 128 * 1024,
  body: Type.Record(Type.String(), Type.Unknown()),
  errors: ['M_FORBIDDEN', 'M_NOT_FOUND', 'M_INVALID_PARAM', 'M_UNABLE_TO_AUTHORISE_JOIN', 'M_UNABLE_TO_GRANT_JOIN'],
  handle: async ({ params, body, origin, signal }, hs: Needs) =>
    streamJson(await hs.receiveJoin({ origin, ...params, event: body }, signal)),
})
