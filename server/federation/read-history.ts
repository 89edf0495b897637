/**
 * History and state for other servers: single events, pages backwards, gaps, states and auth chains.
 *
 * All database reads run under the asking server's own session (S3). A server sees an event whole where
 * the history visibility lets one of its users see it, and redacted elsewhere: the graph must stay
 * complete for everybody.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-events
 */
import { readHistoryVisibility } from '../events/history-visibility.js'
import {
  authEventIds,
  isState,
  type JsonObject,
  type Pdu,
  type PduEvent,
  prevEventIds,
  type StateMap,
  stateKeyOf,
} from '../events/pdu.js'
import { redactPdu } from '../events/redaction.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Room, Rooms, StoredEvent } from '../rooms/room.js'
import { searchByTime } from '../rooms/search-by-time.js'
import { type ReadEventRow, readEventRows } from '../store/event-store.js'
import type { FederationSessions } from '../store/federation-sessions.js'
import type { Reader } from '../store/reader.js'
import type { RoomForServer } from './room-for-server.js'

type Needs = {
  rooms: Pick<Rooms, 'readTimeline' | 'readStateNode'>
  roomForServer: RoomForServer
  withFederationSession: FederationSessions['withFederationSession']
  toStoredEvent: (row: ReadEventRow) => StoredEvent
  readWithAuthChains: ReadWithAuthChains
  /** The state before an event of that room; undefined where this server does not know it. */
  readStateBefore: (room: Room, event: PduEvent) => Promise<StateMap | undefined>
}

/** The given events and everything they stand on. */
export type ReadWithAuthChains = (
  rooms: Pick<Rooms, 'readEvents'>,
  eventIds: Iterable<EventId>,
) => Promise<ReadonlyMap<EventId, PduEvent>>

/** Auth chain of events; those among them that others stand on are part of it. */
export async function readAuthChain(
  readWithAuthChains: ReadWithAuthChains,
  rooms: Pick<Rooms, 'readEvents'>,
  events: readonly PduEvent[],
): Promise<PduEvent[]> {
  const ids = new Set(events.flatMap(({ pdu }) => authEventIds(pdu)))
  return [...(await readWithAuthChains(rooms, ids)).values()]
}

export type ReadHistory = {
  /** Throws 404 for an event that is not known or not of a room the origin shares. */
  readEventFor(origin: ServerName, eventId: EventId): Promise<Pdu>
  /** The given events and those before them, at most `limit`. */
  readBackwards(origin: ServerName, roomId: RoomId, from: readonly EventId[], limit: number): Promise<Pdu[]>
  /** Events before `latest` and not before `earliest`, oldest first, at most `limit`. */
  readGap(
    origin: ServerName,
    roomId: RoomId,
    gap: { earliest: readonly EventId[]; latest: readonly EventId[]; limit: number; minDepth: number },
  ): Promise<Pdu[]>
  /** The state before an event and its auth chain. */
  readStateFor(
    origin: ServerName,
    roomId: RoomId,
    eventId: EventId,
  ): Promise<{ state: PduEvent[]; authChain: PduEvent[] }>
  readAuthChainFor(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<Pdu[]>
  /** The event closest to `ts` in that direction. Throws 404 where there is none. */
  findEventByTime(origin: ServerName, roomId: RoomId, ts: number, direction: 'f' | 'b'): Promise<StoredEvent>
}

const maxPage = 100
const maxGap = 50

export function makeReadHistory(needs: Needs): ReadHistory {
  const { rooms, roomForServer } = needs
  const readChain = (reader: Pick<Rooms, 'readEvents'>, events: readonly PduEvent[]) =>
    readAuthChain(needs.readWithAuthChains, reader, events)

  /** Event reads under the origin's session; many at once go in pieces. */
  const readerOf = (session: Reader): Pick<Rooms, 'readEvents'> => ({
    async readEvents(ids) {
      const unique = [...new Set(ids)]
      const found: StoredEvent[] = []
      for (let start = 0; start < unique.length; start += 500)
        for (const row of await readEventRows(session, unique.slice(start, start + 500)))
          found.push(needs.toStoredEvent(row))
      return found
    },
  })

  const inSession = <T>(origin: ServerName, read: (reader: Pick<Rooms, 'readEvents'>) => Promise<T>): Promise<T> =>
    needs.withFederationSession(origin, (session) => read(readerOf(session)))

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

  async function show(
    reader: Pick<Rooms, 'readEvents'>,
    room: Room,
    origin: ServerName,
    events: readonly StoredEvent[],
  ): Promise<Pdu[]> {
    const shown: Pdu[] = []
    for (const event of events) {
      const isSeen = await maySee(reader, room, origin, event)
      shown.push(forWire(isSeen ? event.pdu : redactPdu(event.pdu, room.rules)))
    }
    return shown
  }

  /** Whether one of the origin's users may see the event, by the state at it. */
  async function maySee(
    reader: Pick<Rooms, 'readEvents'>,
    room: Room,
    origin: ServerName,
    event: StoredEvent,
  ): Promise<boolean> {
    if (event.node === undefined) return isState(event.pdu) // an outlier: others are judged by it
    const state = await rooms.readStateNode(room.roomId, event.node)
    const visibilityId = state.get(stateKeyOf('m.room.history_visibility', ''))
    const [visibilityEvent] = visibilityId ? await reader.readEvents([visibilityId]) : []
    const visibility = readHistoryVisibility(visibilityEvent?.pdu.content.history_visibility)
    if (visibility === 'world_readable' || visibility === 'shared') return true
    const prefix = stateKeyOf('m.room.member', '')
    const members = [...state]
      .filter(([key]) => key.startsWith(prefix) && key.endsWith(`:${origin}`))
      .map(([, id]) => id)
    const wanted = visibility === 'invited' ? ['join', 'invite'] : ['join']
    return (await reader.readEvents(members)).some(({ pdu }) => wanted.includes(String(pdu.content.membership)))
  }

  async function readIn(reader: Pick<Rooms, 'readEvents'>, room: Room, eventId: EventId): Promise<StoredEvent> {
    const [event] = await reader.readEvents([eventId])
    if (!event || event.roomId !== room.roomId) throw notFound('That event is not known.')
    return event
  }

  return {
    readEventFor: (origin, eventId) =>
      inSession(origin, async (reader) => {
        const [event] = await reader.readEvents([eventId])
        if (!event || event.status === 'rejected') throw notFound('That event is not known.')
        const room = await roomForServer.readSharedRoom(origin, event.roomId)
        return (await show(reader, room, origin, [event]))[0]!
      }),

    readBackwards: (origin, roomId, from, limit) =>
      inSession(origin, async (reader) => {
        const room = await roomForServer.readSharedRoom(origin, roomId)
        // Soft-failed events only for who names what refers to them, which `from` does by itself.
        const named = new Set(from)
        const take = (event: StoredEvent) => event.status === 'accepted' || named.has(event.eventId)
        return show(reader, room, origin, await walk(reader, room, from, take, Math.min(limit, maxPage)))
      }),

    readGap: (origin, roomId, { earliest, latest, limit, minDepth }) =>
      inSession(origin, async (reader) => {
        const room = await roomForServer.readSharedRoom(origin, roomId)
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
          reader,
          room,
          origin,
          found.sort((a, b) => a.pdu.depth - b.pdu.depth),
        )
      }),

    readStateFor: (origin, roomId, eventId) =>
      inSession(origin, async (reader) => {
        const room = await roomForServer.readSharedRoom(origin, roomId)
        const ids = await needs.readStateBefore(room, await readIn(reader, room, eventId))
        if (!ids) throw notFound('The state at that event is not known.')
        const state = await reader.readEvents([...ids.values()])
        return { state, authChain: await readChain(reader, state) }
      }),

    readAuthChainFor: (origin, roomId, eventId) =>
      inSession(origin, async (reader) => {
        const room = await roomForServer.readSharedRoom(origin, roomId)
        const chain = await readChain(reader, [await readIn(reader, room, eventId)])
        return chain.map(({ pdu }) => forWire(pdu))
      }),

    findEventByTime: (origin, roomId, ts, direction) =>
      inSession(origin, async (reader) => {
        const room = await roomForServer.readSharedRoom(origin, roomId)
        const found = await searchByTime(rooms, room, ts, direction)
        if (!found || !(await maySee(reader, room, origin, { ...found, status: 'accepted' })))
          throw notFound('No event of that time is known.')
        return { ...found, status: 'accepted' }
      }),
  }
}

/** `unsigned` holds what is ours alone. */
export function forWire({ unsigned: _ours, ...pdu }: Pdu): Pdu {
  return pdu
}

export const toWire = (events: readonly PduEvent[]): JsonObject[] => events.map(({ pdu }) => forWire(pdu))
