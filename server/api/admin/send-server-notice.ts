/**
 * POST /_synapse/admin/v1/send_server_notice (operationId `sendServerNotice`)
 *
 * Writes to a user in the name of the server.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/admin_api/server_notices.html
 */
import { Type } from 'typebox'
import type { JsonObject } from '../../events/pdu.js'
import { defineEndpoint } from '../../http/endpoint.js'
import { EventIdSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { ServerNotices } from '../../users/server-notices.js'

type Needs = Pick<ServerNotices, 'sendServerNotice'>

export const sendServerNoticeEndpoint = defineEndpoint({
  operationId: 'sendServerNotice',
  method: 'POST',
  path: '/_synapse/admin/v1/send_server_notice',
  auth: 'admin',
  body: Type.Object({
    user_id: UserIdSchema,
    content: Type.Record(Type.String(), Type.Unknown()),
    type: Type.Optional(Type.String()),
    state_key: Type.Optional(Type.String()),
  }),
  response: Type.Object({ event_id: EventIdSchema }),
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM', 'M_BAD_JSON', 'M_TOO_LARGE', 'M_USER_IN_USE'],
  async handle({ body }, hs: Needs) {
    const { user_id: userId, type = 'm.room.message', state_key: stateKey, content } = body
    return { event_id: await hs.sendServerNotice({ userId, type, stateKey, content: content as JsonObject }) }
  },
})
