/**
 * The events that relate to an event: replies in its thread, reactions, edits; on request also what relates to those.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid
 */
import type { JsonObject } from '../events/pdu.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import { type RelationRow, readRelations } from '../store/relation-store.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents } from './client-events.js'
import { formatGap, readGap } from './pagination-token.js'
import type { ReadEvents } from './read-event.js'
import type { Visibility } from './visibility.js'

export type RelationsQuery = {
  userId: UserId
  sid: string
  roomId: RoomId
  eventId: EventId
  relType?: string | undefined
  eventType?: string | undefined
  direction: 'b' | 'f'
  from?: string | undefined
  to?: string | undefined
  limit: number
  recurse?: boolean | undefined
}
export type RelationsPage = { chunk: JsonObject[]; next_batch?: string; prev_batch?: string; recursion_depth?: number }

/** @throws MatrixError 404 for an event that is not there or not to be seen; 400 for a bad token */
export type ReadRelationsOf = (query: RelationsQuery) => Promise<RelationsPage>

const maxLimit = 100
const maxDepth = 3
/** Parents looked at in one step of a recursion. */
const maxParents = 200

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'readTimeline' | 'readEvents'>
  visibility: Pick<Visibility, 'readAccess' | 'filterVisible'>
  findVisible: ReadEvents['findVisible']
  clientEvents: Pick<ClientEvents, 'ofTimeline'>
  readAccountDataOf: ReadAccountDataOf
}

export function makeReadRelationsOf(needs: Needs): ReadRelationsOf {
  const { db, rooms, visibility, findVisible, clientEvents, readAccountDataOf } = needs

  /** The relation and event types name the children wanted at any depth; the way to them may lead over others. */
  async function readTree({
    roomId,
    eventId,
    relType,
    recurse,
  }: RelationsQuery): Promise<{ rows: RelationRow[]; depth: number }> {
    if (!recurse) return { rows: await readRelations(db, roomId, [eventId], relType), depth: 1 }
    const found = new Map<EventId, RelationRow>()
    let parents: EventId[] = [eventId]
    let depth = 0
    while (depth < maxDepth && parents.length > 0) {
      depth++
      const rows = await readRelations(db, roomId, parents.slice(0, maxParents))
      parents = []
      for (const row of rows) {
        if (found.has(row.event_id)) continue
        found.set(row.event_id, row)
        parents.push(row.event_id)
      }
    }
    return { rows: [...found.values()].filter(({ rel_type }) => relType === undefined || rel_type === relType), depth }
  }

  return async (query) => {
    const { userId, sid, roomId, direction, eventType } = query
    const access = await visibility.readAccess(userId, roomId)
    if (!access || !(await findVisible(access, userId, query.eventId)))
      throw notFound('There is no such event, or it is not yours to see')
    const { room } = access
    const isBack = direction === 'b'
    const from = query.from === undefined ? undefined : await readGap(rooms, room, query.from)
    const to = query.to === undefined ? undefined : await readGap(rooms, room, query.to)
    const [low, high] = isBack ? [to, from] : [from, to]
    const { ignored } = await readAccountDataOf(userId)

    const { rows, depth } = await readTree(query)
    const wanted = rows
      .filter(
        ({ type, sender, seq }) =>
          (eventType === undefined || type === eventType) &&
          !ignored.has(sender) &&
          seq >= (low ?? -Infinity) &&
          seq < (high ?? Infinity),
      )
      .sort((a, b) => (isBack ? b.seq - a.seq : a.seq - b.seq))
    const limit = Math.min(query.limit, maxLimit)
    const page = wanted.slice(0, limit)
    const byId = new Map(
      (await rooms.readEvents(page.map(({ event_id }) => event_id))).map((event) => [event.eventId, event]),
    )
    const events = page.map(({ event_id }) => byId.get(event_id)).filter((event) => event !== undefined)
    const visible = await visibility.filterVisible(room, userId, events as TimelineEvent[]) // relations are of accepted events
    const last = page.at(-1)
    return {
      chunk: await clientEvents.ofTimeline(room, visible, { userId, sid, omitRoomId: false }),
      ...(last && wanted.length > page.length ? { next_batch: formatGap(isBack ? last.seq : last.seq + 1) } : {}),
      ...(query.from === undefined ? {} : { prev_batch: query.from }),
      ...(query.recurse === undefined ? {} : { recursion_depth: depth }),
    }
  }
}
