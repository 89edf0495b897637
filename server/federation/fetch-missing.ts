/**
 * Takes in an event whose surroundings this server lacks: the events before it, its auth events, or,
 * where the gap is too large, the room's state before it.
 *
 * 1. The gap first, since auth events may lie in it. 2. What of the auth events is still unknown. 3. For an event
 * of the gap, and the event itself, whose prev events stay unknown: the state before it; it then stands above a hole,
 * which is filled when somebody scrolls there (backfill-room.ts).
 * Each question goes to the next server where one fails. An event that cannot be taken costs nothing but
 * itself: those after it stand above the hole that it leaves.
 *
 * Everything is bounded: five questions of twenty events for a gap, three states for one gap, and
 * answers of at most 64 MiB, all together 96. A peer that answers with something else costs us one question.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
import { type PduEvent, prevEventIds } from '../events/pdu.js'
import type { EventId, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Acceptance, AcceptPdu } from '../rooms/accept-pdu.js'
import type { Room, Rooms } from '../rooms/room.js'
import { askInTurn, type Search, type StartSearch } from './ask-in-turn.js'
import { type FederationClient, pathOf } from './federation-client.js'
import type { FetchOutliers } from './fetch-outliers.js'

/** What became of it; of a `missing` one, whether a server that could not be asked may still have what it lacks. */
export type Fetched = Exclude<Acceptance, { status: 'missing' }> | { status: 'missing'; isUnanswered: boolean }

/** Takes a verified event in, fetching from `origin` and other servers of the room what it needs for that. */
export type AcceptFetching = (room: Room, event: PduEvent, origin: ServerName) => Promise<Fetched>

type Needs = {
  rooms: Pick<Rooms, 'readEvents'>
  acceptPdu: AcceptPdu
  outliers: FetchOutliers
  startSearch: StartSearch
  client: FederationClient
  log: Logger
}

const gap = { rounds: 5, eventsPerRound: 20, maxStates: 3 }
const timeoutMs = 20_000

export function makeAcceptFetching({ rooms, acceptPdu, outliers, startSearch, client, log }: Needs): AcceptFetching {
  async function readKnown(ids: Iterable<EventId>): Promise<Map<EventId, PduEvent & { node?: number }>> {
    return new Map((await rooms.readEvents([...new Set(ids)])).map((event) => [event.eventId, event]))
  }

  /** Whether an event before this one has no place here. */
  async function hasGap(event: PduEvent): Promise<boolean> {
    const ids = prevEventIds(event.pdu)
    const known = await readKnown(ids)
    return ids.some((id) => known.get(id)?.node === undefined)
  }

  /** Events between our extremities and this one, oldest first; what no server has is left out. */
  async function fetchGap(room: Room, event: PduEvent, search: Search): Promise<PduEvent[]> {
    const found = new Map<EventId, PduEvent>()
    let latest = [event.eventId]
    for (let round = 0; round < gap.rounds && latest.length > 0; round++) {
      const fresh = await askInTurn(search, log, async (server) => {
        const events = await askForGap(room, server, search, latest)
        const unknown = events.filter(({ eventId }) => !found.has(eventId) && eventId !== event.eventId)
        return unknown.length > 0 ? unknown : undefined
      })
      for (const each of fresh ?? []) found.set(each.eventId, each)
      latest = fresh ? await openEnds(found) : []
    }
    return [...found.values()].sort(
      (a, b) => a.pdu.depth - b.pdu.depth || a.pdu.origin_server_ts - b.pdu.origin_server_ts,
    )
  }

  async function askForGap(
    room: Room,
    server: ServerName,
    { allowance }: Search,
    latest: readonly EventId[],
  ): Promise<PduEvent[]> {
    const answer = await client.request({
      destination: server,
      method: 'POST',
      path: pathOf('/_matrix/federation/v1/get_missing_events/:roomId', { roomId: room.roomId }),
      content: {
        earliest_events: room.extremities.map(({ eventId }) => eventId),
        latest_events: latest,
        limit: gap.eventsPerRound,
        min_depth: 0,
      },
      timeoutMs,
      maxBytes: 8 * 1024 * 1024,
      allowance,
    })
    const list = Array.isArray(answer.events) ? answer.events.slice(0, gap.eventsPerRound) : []
    return outliers.verified(room, list)
  }

  /** Events whose prev events are neither among the found nor known here. */
  async function openEnds(found: ReadonlyMap<EventId, PduEvent>): Promise<EventId[]> {
    const prev = [...found.values()].flatMap(({ pdu }) => prevEventIds(pdu)).filter((id) => !found.has(id))
    const known = await readKnown(prev)
    const isOpen = (event: PduEvent) => prevEventIds(event.pdu).some((id) => !found.has(id) && !known.has(id))
    return [...found.values()]
      .filter(isOpen)
      .map(({ eventId }) => eventId)
      .slice(0, 20)
  }

  /** One event; asks for its auth events, and for the state before it where its own prev events stay unknown. */
  async function acceptOne(
    room: Room,
    event: PduEvent,
    search: Search,
    budget: { states: number },
  ): Promise<Acceptance> {
    let acceptance = await acceptPdu(room.roomId, event)
    if (acceptance.status === 'missing' && acceptance.authEvents.length > 0) {
      await outliers.fetchAuthEvents(room, event, search)
      acceptance = await acceptPdu(room.roomId, event)
    }
    if (acceptance.status !== 'missing' || acceptance.prevEvents.length === 0 || budget.states === 0) return acceptance
    budget.states--
    const stateBefore = await outliers.fetchStateBefore(room, event, search)
    return stateBefore ? acceptPdu(room.roomId, event, { stateBefore }) : acceptance
  }

  return async (room, event, origin) => {
    const search = await startSearch(room, origin)
    const budget = { states: gap.maxStates }
    for (const earlier of (await hasGap(event)) ? await fetchGap(room, event, search) : []) {
      const { status } = await acceptOne(room, earlier, search, budget)
      log.debug({ roomId: room.roomId, eventId: earlier.eventId, status }, 'an event of a gap')
    }
    budget.states = Math.max(budget.states, 1)
    const acceptance = await acceptOne(room, event, search, budget)
    return acceptance.status === 'missing' ? { status: 'missing', isUnanswered: search.isUnanswered } : acceptance
  }
}
