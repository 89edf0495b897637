/**
 * Searches the messages of a user's rooms, those they have left included, as far as they may see them.
 *
 * The index says where the words are; who may see what is decided where it always is (`sync/visibility.ts`), of each event that is
 * counted or shown: not even the number of results tells of what is not the searcher's. The newest few hundred that have the words
 * are considered, then put in order.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-side-search
 */
import { isIgnored } from '../events/ignored-users.js'
import type { JsonObject, PduEvent } from '../events/pdu.js'
import { type SearchKey, searchedText } from '../events/searched-text.js'
import { searchedWords } from '../events/words.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import type { ReadAccountDataOf } from '../sync/account-data-changes.js'
import type { VisibleEvent } from '../sync/client-events.js'
import type { RoomEventFilter } from '../sync/filter.js'
import { readSeqAt } from '../sync/seq-at-position.js'
import type { Visibility } from '../sync/visibility.js'
import { type FindDocuments, type FoundDocument, searchLimits } from './find-documents.js'
import { formatToken, type Group, groupKinds, parseToken, type SearchToken } from './search-token.js'
import type { ShowResults } from './show-results.js'

export type SearchQuery = {
  userId: UserId
  sid: string
  term: string
  keys: readonly SearchKey[] | undefined
  filter: RoomEventFilter
  /** Rooms that the filter names; undefined: all. */
  rooms: readonly string[] | undefined
  order: 'rank' | 'recent'
  groupBy: readonly Group['kind'][]
  context: ContextQuery | undefined
  includeState: boolean
  nextBatch: string | undefined
}
export type ContextQuery = { before: number; after: number; withProfiles: boolean }

export type Result = { room: Room; shown: VisibleEvent; rank: number; ts: number }

/** As the spec's `room_events` of the answer. @throws MatrixError 400 for a token that is none */
export type Search = (query: SearchQuery) => Promise<JsonObject>

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'lastPosition' | 'readTimeline' | 'readEvents'>
  visibility: Pick<Visibility, 'readAccess' | 'filterVisible'>
  readAccountDataOf: ReadAccountDataOf
  findDocuments: FindDocuments
  showResults: ShowResults
}

const limits = { fallback: 10, most: 100, rooms: 5_000, words: 20 }

export function makeSearch(needs: Needs): Search {
  const { db, rooms, visibility } = needs

  /** The busiest first. */
  async function roomsOf({ userId, rooms: named }: SearchQuery): Promise<RoomId[]> {
    const wanted = named && new Set(named)
    const own = [...(await rooms.membershipsOf(userId)).values()].filter(
      ({ roomId, forgotten }) => !forgotten && (wanted?.has(roomId) ?? true),
    )
    const ids = own.map(({ roomId }) => roomId)
    return ids.sort((a, b) => (rooms.lastPosition(b) ?? 0) - (rooms.lastPosition(a) ?? 0)).slice(0, limits.rooms)
  }

  /** Those of a room that the user may see and wants. */
  async function readVisible(
    roomId: RoomId,
    documents: readonly FoundDocument[],
    query: SearchQuery,
  ): Promise<Result[]> {
    const { userId, filter } = query
    const access = await visibility.readAccess(userId, roomId)
    if (!access) return []
    const { room, lastSeq, kind } = access
    const { ignored } = await needs.readAccountDataOf(userId)
    const bySeq = new Map(documents.map((document) => [document.seq, document]))
    const held = new Map(room.recent.map((event) => [event.eventId, event]))
    const events = (await rooms.readEvents(documents.map(({ event_id }) => event_id)))
      .map((event): Partial<TimelineEvent> & PduEvent => held.get(event.eventId) ?? event)
      .filter((event): event is TimelineEvent => event.seq !== undefined && event.redactedBy === undefined)
      .filter(({ seq, pdu }) => seq <= (lastSeq ?? room.maxSeq) && !isIgnored(ignored, pdu))
      .filter(({ pdu }) => filter.matches({ ...pdu, roomId }))
      .sort((a, b) => a.seq - b.seq)
    const visible = await visibility.filterVisible(room, userId, events)
    return visible.flatMap((shown) => {
      const document = bySeq.get(shown.event.seq)
      // Who is outside does not find a message by what it was made to say later, nor anybody by what was erased.
      const isLater = kind !== 'joined' && (document?.edit_seq ?? 0) > (lastSeq ?? room.maxSeq)
      if (!document || isLater || searchedText(shown.event.pdu) === undefined) return []
      return { room, shown, rank: 1 / Math.sqrt(document.words.length), ts: document.ts }
    })
  }

  async function findAll(words: readonly string[], query: SearchQuery, asOf: number): Promise<Result[]> {
    const roomIds = await roomsOf(query)
    const found = await needs.findDocuments({
      ...{ userId: query.userId, roomIds, words },
      accepts: ({ key, words: has }) =>
        (query.keys?.includes(key) ?? true) && words.every((word) => has.includes(word)),
      async upTo(roomId) {
        const room = await rooms.get(roomId)
        return room ? readSeqAt(rooms, room, asOf) : 0
      },
    })
    const newest = found.sort((a, b) => b.ts - a.ts || b.seq - a.seq).slice(0, searchLimits.places)
    const byRoom = new Map<RoomId, FoundDocument[]>()
    for (const document of newest) byRoom.set(document.roomId, [...(byRoom.get(document.roomId) ?? []), document])
    const results: Result[] = []
    for (const [roomId, documents] of byRoom) results.push(...(await readVisible(roomId, documents, query)))
    const newer = (a: Result, b: Result) => b.ts - a.ts || b.shown.event.seq - a.shown.event.seq
    return results.sort(query.order === 'recent' ? newer : (a, b) => b.rank - a.rank || newer(a, b))
  }

  return async (query) => {
    const token: SearchToken = parseToken(query.nextBatch) ?? { offset: 0, asOf: db.position }
    const words = searchedWords(query.term).slice(0, limits.words)
    const all = words.length === 0 ? [] : await findAll(words, query, token.asOf)
    const { group } = token
    const mine = group ? all.filter((result) => keyIn(group.kind, result) === group.id) : all
    const limit = Math.min(query.filter.limit || limits.fallback, limits.most)
    const end = token.offset + limit
    const page = mine.slice(token.offset, end)
    const next = (more: Partial<SearchToken>): string => formatToken({ ...token, ...more })
    return {
      count: mine.length,
      highlights: words,
      ...(await needs.showResults(query, page)),
      ...(query.groupBy.length > 0 && {
        groups: Object.fromEntries(query.groupBy.map((kind) => [kind, groupsOf(kind, page, all, next)])),
      }),
      ...(end < mine.length && { next_batch: next({ offset: end }) }),
    }
  }
}

const keyIn = (kind: Group['kind'], { room, shown }: Result): string =>
  kind === groupKinds.room ? room.roomId : shown.event.pdu.sender

function groupsOf(
  kind: Group['kind'],
  page: readonly Result[],
  all: readonly Result[],
  next: (more: Partial<SearchToken>) => string,
): JsonObject {
  const groups = new Map<string, Result[]>()
  for (const result of page) groups.set(keyIn(kind, result), [...(groups.get(keyIn(kind, result)) ?? []), result])
  const entries = [...groups].map(([id, results], order) => {
    const members = all.filter((result) => keyIn(kind, result) === id)
    const offset = members.indexOf(results.at(-1)!) + 1
    const more = offset < members.length && { next_batch: next({ offset, group: { kind, id } }) }
    return [id, { results: results.map(({ shown }) => shown.event.eventId), order, ...more }] as const
  })
  return Object.fromEntries(entries)
}
