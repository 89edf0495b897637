/**
 * POST /_matrix/client/v3/search (operationId `search`)
 *
 * Finds messages, names and topics by their words, in the rooms of whoever asks.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search
 */
import { Type } from 'typebox'
import { searchKeys } from '../../../events/searched-text.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { Search } from '../../../search/search.js'
import { groupKinds } from '../../../search/search-token.js'
import { readRoomEventFilter } from '../../../sync/filter.js'

type Needs = { search: Search }

const oneOf = <T extends string>(...values: readonly T[]) => Type.Union(values.map((value) => Type.Literal(value)))
const count = Type.Integer({ minimum: 0 })
const defaultContext = 5

const criteria = Type.Object({
  search_term: Type.String(),
  keys: Type.Optional(Type.Array(oneOf(...searchKeys))),
  filter: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  order_by: Type.Optional(oneOf('recent', 'rank')),
  event_context: Type.Optional(
    Type.Object({
      before_limit: Type.Optional(count),
      after_limit: Type.Optional(count),
      include_profile: Type.Optional(Type.Boolean()),
    }),
  ),
  include_state: Type.Optional(Type.Boolean()),
  groupings: Type.Optional(
    Type.Object({
      group_by: Type.Optional(
        Type.Array(Type.Object({ key: Type.Optional(oneOf(...Object.values(groupKinds))) }), { maxItems: 8 }),
      ),
    }),
  ),
})

export const searchEndpoint = defineEndpoint({
  operationId: 'search',
  method: 'POST',
  path: '/_matrix/client/v3/search',
  auth: 'access-token',
  query: Type.Object({ next_batch: Type.Optional(Type.String()) }),
  body: Type.Object({ search_categories: Type.Object({ room_events: Type.Optional(criteria) }) }),
  response: Type.Object({ search_categories: Type.Record(Type.String(), Type.Unknown()) }),
  errors: ['M_INVALID_PARAM', 'M_BAD_JSON'],
  async handle({ body, query, requester: { userId, sid } }, hs: Needs) {
    const wanted = body.search_categories.room_events
    if (!wanted) return { search_categories: {} }
    const { filter = {}, event_context: context, groupings } = wanted
    const room_events = await hs.search({
      ...{ userId, sid, term: wanted.search_term, keys: wanted.keys, nextBatch: query.next_batch },
      filter: readRoomEventFilter(filter),
      rooms: Array.isArray(filter.rooms) ? filter.rooms.filter((id: unknown) => typeof id === 'string') : undefined,
      order: wanted.order_by ?? 'rank',
      groupBy: [...new Set((groupings?.group_by ?? []).flatMap(({ key }) => key ?? []))],
      context: context && {
        before: context.before_limit ?? defaultContext,
        after: context.after_limit ?? defaultContext,
        withProfiles: context.include_profile ?? false,
      },
      includeState: wanted.include_state ?? false,
    })
    return { search_categories: { room_events } }
  },
})
