/** What the three routes of relations share: they differ in how much they narrow the choice. */
import { type Static, Type } from 'typebox'
import type { EventId, RoomId } from '../../../kernel/identifiers.js'
import type { ReadRelationsOf, RelationsPage } from '../../../sync/read-relations.js'
import type { Requester } from '../../../users/requester.js'

export type Needs = { readRelationsOf: ReadRelationsOf }

export const RelationsQuerySchema = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
  recurse: Type.Optional(Type.Boolean()),
})

export const RelationsSchema = Type.Object({
  chunk: Type.Array(Type.Object({}, { additionalProperties: true })),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  recursion_depth: Type.Optional(Type.Integer()),
})

type Params = { roomId: RoomId; eventId: EventId; relType?: string; eventType?: string }

const fallbackLimit = 20

export function readRelationsPage(
  hs: Needs,
  { userId, sid }: Requester,
  params: Params,
  query: Static<typeof RelationsQuerySchema>,
): Promise<RelationsPage> {
  const { from, to, limit = fallbackLimit, dir = 'b', recurse } = query
  return hs.readRelationsOf({ userId, sid, ...params, from, to, limit, direction: dir, recurse })
}
