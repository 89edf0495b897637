/**
 * History and state for other servers: single events, pages backwards, gaps, states and auth chains.
 *
 * Events are read under the asking server's own session (S3). A server sees an event whole where
 * the history visibility lets one of its users see it, and redacted elsewhere: the graph must stay
 * complete for everybody.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-events
 */

import { readHistoryVisibility } from '../events/history-visibility.js'
import { isState, type JsonObject, type Pdu, type PduEvent, prevEventIds, stateKeyOf } from '../events/pdu.js'
import { redactPdu } from '../events/redaction.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import type { Room, Rooms, StoredEvent } from '../rooms/room.js'
import { isOnSide, searchByTime } from '../rooms/search-by-time.js'
import { stretchAbove, stretchBelow } from '../rooms/segments.js'
import { type ReadEventRow, readEventRows } from '../store/event-store.js'
import type { FederationSessions } from '../store/federation-sessions.js'
import type { Reader } from '../store/reader.js'
import type { RoomForServer } from './room-for-server.js'
import type { Asker, ServerShares } from './server-shares.js'
import type { StateAnswers, StateIds } from './state-answers.js'

type Needs = {
  rooms: Pick<Rooms, 'readTimeline' | 'readMembersOfServer' | 'readStateEntryAt' | 'readStateEntriesAt'>
  roomForServer: RoomForServer
  withFederationSession: FederationSessions['withFederationSession']
  toStoredEvent: (row: ReadEventRow) => StoredEvent
  stateAnswers: Pick<StateAnswers, 'readStateBefore' | 'readAuthChain'>
  shares: ServerShares
  /** Users whose messages are for those alone who were there. */
  isErased(userId: UserId): boolean
}

export type ReadHistory = {
  /** Throws 404 for an event that is not known or not of a room the origin shares. */
  readEventFor(asker: Asker, eventId: EventId): Promise<Pdu>
  /** The given events and those before them, at most `limit`. */
  readBackwards(asker: Asker, roomId: RoomId, from: readonly EventId[], limit: number): Promise<Pdu[]>
  /** Events before `latest` and not before `earliest`, oldest first, at most `limit`. */
  readGap(
    asker: Asker,
    roomId: RoomId,
    gap: { earliest: readonly EventId[]; latest: readonly EventId[]; limit: number; minDepth: number },
  ): Promise<Pdu[]>
  /** The state before an event and its auth chain. */
  readStateIdsFor(asker: Asker, roomId: RoomId, eventId: EventId): Promise<StateIds>
  readAuthChainFor(asker: Asker, roomId: RoomId, eventId: EventId): Promise<readonly EventId[]>
  /** Events as they are sent, for an answer that goes out in pieces. Who may see them has been asked. */
  readPieces(asker: Asker, eventIds: readonly EventId[]): AsyncGenerator<Pdu[]>
  /** The event closest to `ts` in that direction. Throws 404 where there is none. */
  findEventByTime(asker: Asker, roomId: RoomId, ts: number, direction: 'f' | 'b'): Promise<StoredEvent>
}

const maxPage = 100
const maxGap = 50
/** Events looked at for one that the asking server may see. */
const maxLookedAt = 500
/** Events read at once: a few milliseconds of this process. */
const atOnce = { ids: 500, whole: 100 }
/** Members of a server whose past is looked at in one go. */
const membersAtOnce = 500

export function makeReadHistory(needs: Needs): ReadHistory {
  const { rooms, roomForServer, stateAnswers, shares } = needs

  /** Event reads under the origin's session; many at once go in pieces. */
  const readerOf = (session: Reader): Pick<Rooms, 'readEvents'> => ({
    async readEvents(ids) {
      const unique = [...new Set(ids)]
      const found: StoredEvent[] = []
      for (let start = 0; start < unique.length; start += atOnce.ids)
        for (const row of await readEventRows(session, unique.slice(start, start + atOnce.ids)))
          found.push(needs.toStoredEvent(row))
      return found
    },
  })

  /** In the origin's session, out of its share. */
  const inSession = <T>(asker: Asker, read: (reader: Pick<Rooms, 'readEvents'>) => Promise<T>): Promise<T> =>
    shares.run(asker, () => needs.withFederationSession(asker.origin, (session) => read(readerOf(session))))

  /** Walks prev events breadth first; `take` says whether an event belongs to the answer and is walked on from. */
  async function walk(
    reader: Pick<Rooms, 'readEvents'>,
    room: Room,
    from: readonly EventId[],
    take: (event: StoredEvent) => boolean,
    limit: number,
  ): Promise<StoredEvent[]> {
    const taken: StoredEvent[] = []
    const seen = new Set<EventId>(from)
    let wanted = [...seen].slice(0, maxPage)
    while (wanted.length > 0 && taken.length < limit) {
      const level = (await reader.readEvents(wanted)).filter(
        (event) =>
          event.roomId === room.roomId && event.node !== undefined && event.status !== 'rejected' && take(event),
      )
      level.sort((a, b) => b.pdu.depth - a.pdu.depth)
      taken.push(...level.slice(0, limit - taken.length))
      const next = new Set<EventId>()
      for (const id of level.flatMap(({ pdu }) => prevEventIds(pdu))) if (!seen.has(id)) next.add(id)
      for (const id of next) seen.add(id)
      wanted = [...next].slice(0, maxPage)
    }
    return taken
  }

  async function show(room: Room, origin: ServerName, events: readonly StoredEvent[]): Promise<Pdu[]> {
    const shown: Pdu[] = []
    const maySee = sightOf(room, origin)
    for (const event of events)
      shown.push(forWire((await maySee(event)) ? event.pdu : redactPdu(event.pdu, room.rules)))
    return shown
  }

  /** Whether one of the origin's users may see an event, by the state at it. Events in a row mostly have one state. */
  function sightOf(room: Room, origin: ServerName) {
    const atNodes = new Map<string, Promise<boolean>>()
    return async ({ node, pdu }: StoredEvent): Promise<boolean> => {
      if (node === undefined) return isState(pdu) // an outlier: others are judged by it
      const isErased = needs.isErased(pdu.sender)
      const key = `${node} ${isErased}`
      const known = atNodes.get(key) ?? isSeenAt(room, origin, node, isErased)
      atNodes.set(key, known)
      return known
    }
  }

  async function isSeenAt(room: Room, origin: ServerName, node: number, isErased: boolean): Promise<boolean> {
    const visibilityEvent = await rooms.readStateEntryAt(room.roomId, node, 'm.room.history_visibility', '')
    const set = readHistoryVisibility(visibilityEvent?.pdu.content.history_visibility)
    const visibility = isErased ? 'joined' : set
    if (visibility === 'world_readable' || visibility === 'shared') return true
    const wanted = visibility === 'invited' ? ['join', 'invite'] : ['join']
    // Whoever of them was ever a member has a member event still.
    const members = [...(await rooms.readMembersOfServer(room, origin)).keys()]
    for (let start = 0; start < members.length; start += membersAtOnce) {
      const keys = members.slice(start, start + membersAtOnce).map((userId) => stateKeyOf('m.room.member', userId))
      const then = await rooms.readStateEntriesAt(room.roomId, node, keys)
      if ([...then.values()].some(({ pdu }) => wanted.includes(String(pdu.content.membership)))) return true
    }
    return false
  }

  /** The timeline from there on, in that direction, over whatever is missing in it. */
  async function* eventsFrom(room: Room, seq: number, direction: 'f' | 'b') {
    let gap = direction === 'f' ? seq : seq + 1
    for (;;) {
      const stretch = direction === 'f' ? stretchAbove(room, gap) : stretchBelow(room, gap)
      if (!stretch) return
      const low = direction === 'f' ? stretch.low : Math.max(stretch.low, stretch.high - maxPage + 1)
      const high = direction === 'f' ? Math.min(stretch.high, stretch.low + maxPage - 1) : stretch.high
      const page = await rooms.readTimeline(room.roomId, low, high)
      yield* direction === 'f' ? page : page.reverse()
      gap = direction === 'f' ? high + 1 : low
    }
  }

  async function readIn(reader: Pick<Rooms, 'readEvents'>, room: Room, eventId: EventId): Promise<StoredEvent> {
    const [event] = await reader.readEvents([eventId])
    if (!event || event.roomId !== room.roomId) throw notFound('That event is not known.')
    return event
  }

  return {
    readEventFor: (asker, eventId) =>
      inSession(asker, async (reader) => {
        const [event] = await reader.readEvents([eventId])
        if (!event || event.status === 'rejected') throw notFound('That event is not known.')
        const room = await roomForServer.readSharedRoom(asker.origin, event.roomId)
        return (await show(room, asker.origin, [event]))[0]!
      }),

    readBackwards: (asker, roomId, from, limit) =>
      inSession(asker, async (reader) => {
        const room = await roomForServer.readSharedRoom(asker.origin, roomId)
        // Soft-failed events only for who names what refers to them, which `from` does by itself.
        const named = new Set(from)
        const take = (event: StoredEvent) => event.status === 'accepted' || named.has(event.eventId)
        return show(room, asker.origin, await walk(reader, room, from, take, Math.min(limit, maxPage)))
      }),

    readGap: (asker, roomId, { earliest, latest, limit, minDepth }) =>
      inSession(asker, async (reader) => {
        const room = await roomForServer.readSharedRoom(asker.origin, roomId)
        const stops = new Set(earliest)
        const ends = await reader.readEvents(latest.slice(0, maxGap))
        const from = ends.filter((event) => event.roomId === roomId).flatMap(({ pdu }) => prevEventIds(pdu))
        const take = (event: StoredEvent) => !stops.has(event.eventId) && event.pdu.depth >= minDepth
        const found = await walk(
          reader,
          room,
          from.filter((id) => !stops.has(id)),
          take,
          Math.min(limit, maxGap),
        )
        return show(
          room,
          asker.origin,
          found.sort((a, b) => a.pdu.depth - b.pdu.depth),
        )
      }),

    readStateIdsFor: (asker, roomId, eventId) =>
      inSession(asker, async (reader) => {
        const room = await roomForServer.readSharedRoom(asker.origin, roomId)
        const ids = await stateAnswers.readStateBefore(reader, room, await readIn(reader, room, eventId))
        if (!ids) throw notFound('The state at that event is not known.')
        return ids
      }),

    readAuthChainFor: (asker, roomId, eventId) =>
      inSession(asker, async (reader) => {
        const room = await roomForServer.readSharedRoom(asker.origin, roomId)
        return stateAnswers.readAuthChain(reader, await readIn(reader, room, eventId))
      }),

    async *readPieces(asker, eventIds) {
      for (let start = 0; start < eventIds.length; start += atOnce.whole) {
        const ids = eventIds.slice(start, start + atOnce.whole)
        const read = () => needs.withFederationSession(asker.origin, (session) => readerOf(session).readEvents(ids))
        yield (await shares.goOn(asker, read)).map(({ pdu }) => forWire(pdu))
      }
    },

    findEventByTime: (asker, roomId, ts, direction) =>
      inSession(asker, async () => {
        const room = await roomForServer.readSharedRoom(asker.origin, roomId)
        const place = await searchByTime(rooms, room, ts, direction)
        const maySee = sightOf(room, asker.origin)
        let looked = 0
        for await (const found of place ? eventsFrom(room, place.seq, direction) : []) {
          const event: StoredEvent = { ...found, status: 'accepted' }
          if (isOnSide(found, ts, direction) && (await maySee(event))) return event
          if (++looked === maxLookedAt) break
        }
        throw notFound('No event of that time is known.')
      }),
  }
}

/** `unsigned` holds what is ours alone. */
export function forWire(pdu: Pdu): Pdu {
  const { unsigned: _ours, ...copy } = pdu
  return carrySpellings(pdu, copy)
}

export const toWire = (events: readonly PduEvent[]): JsonObject[] => events.map(({ pdu }) => forWire(pdu))
