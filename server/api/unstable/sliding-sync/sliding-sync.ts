/**
 * POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync (operationId `slidingSync`)
 *
 * Sync by windows on lists of rooms. Unstable, under the name that clients in wide use ask for.
 *
 * Proposal: MSC4186 (simplified sliding sync)
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { SlidingSync } from '../../../sync/sliding/sliding-sync.js'

type Needs = { slidingSync: SlidingSync }

const some = { maxItems: 100 }
const roomParameters = {
  required_state: Type.Optional(Type.Array(Type.Tuple([Type.String(), Type.String()]), { maxItems: 500 })),
  timeline_limit: Type.Optional(Type.Integer({ minimum: 0 })),
}
const place = Type.Integer({ minimum: 0 })
const typesOfRooms = Type.Array(Type.Union([Type.String(), Type.Null()]), some)
const texts = Type.Array(Type.String(), some)
const filters = Type.Object({
  is_dm: Type.Optional(Type.Boolean()),
  is_encrypted: Type.Optional(Type.Boolean()),
  is_invite: Type.Optional(Type.Boolean()),
  spaces: Type.Optional(texts),
  room_types: Type.Optional(typesOfRooms),
  not_room_types: Type.Optional(typesOfRooms),
  tags: Type.Optional(texts),
  not_tags: Type.Optional(texts),
  room_name_like: Type.Optional(Type.String()),
})
const ofRooms = Type.Object({
  enabled: Type.Optional(Type.Boolean()),
  lists: Type.Optional(texts),
  rooms: Type.Optional(texts),
})
const list = Type.Object({
  ...roomParameters,
  ranges: Type.Optional(Type.Array(Type.Tuple([place, place]), some)),
  filters: Type.Optional(filters),
})

export const slidingSyncEndpoint = defineEndpoint({
  operationId: 'slidingSync',
  method: 'POST',
  path: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
  auth: 'access-token',
  rateLimit: 'none', // as /sync
  query: Type.Object({
    pos: Type.Optional(Type.String()),
    timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    set_presence: Type.Optional(
      Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
    ),
  }),
  body: Type.Object({
    conn_id: Type.Optional(Type.String({ maxLength: 64 })),
    txn_id: Type.Optional(Type.String()),
    lists: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), list, { maxProperties: 100 })),
    room_subscriptions: Type.Optional(Type.Record(Type.String(), Type.Object(roomParameters), { maxProperties: 500 })),
    extensions: Type.Optional(
      Type.Object({
        to_device: Type.Optional(
          Type.Object({
            enabled: Type.Optional(Type.Boolean()),
            since: Type.Optional(Type.String()),
            limit: Type.Optional(Type.Integer({ minimum: 1 })),
          }),
        ),
        e2ee: Type.Optional(Type.Object({ enabled: Type.Optional(Type.Boolean()) })),
        account_data: Type.Optional(ofRooms),
        receipts: Type.Optional(ofRooms),
        typing: Type.Optional(ofRooms),
      }),
    ),
  }),
  response: Type.Object({ pos: Type.String() }, { additionalProperties: true }),
  errors: ['M_INVALID_PARAM', 'M_UNKNOWN_POS'],
  async handle({ query, body: { txn_id: txnId, ...body }, requester, signal }, hs: Needs) {
    const { userId, deviceId, sid } = requester
    const answer = await hs.slidingSync({
      ...{ userId, deviceId, sid, pos: query.pos, timeoutMs: query.timeout ?? 0, signal, body },
      setPresence: query.set_presence ?? 'online',
    })
    return txnId === undefined ? answer : { ...answer, txn_id: txnId }
  },
})
