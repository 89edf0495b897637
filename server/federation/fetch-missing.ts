/**
 * Fetches what an incoming event stands on and this server lacks: the events before it, its auth
 * events, or, where the gap is too large, the room's state before it.
 *
 * Everything is bounded: five questions of twenty events for a gap, three states for one gap, and
 * answers of at most 64 MiB. A peer that answers with something else costs us one question.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
import { authEventIds, isState, type PduEvent, prevEventIds, stateKeyOf } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { type EventId, parseEventId, type ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Acceptance, AcceptPdu } from '../rooms/accept-pdu.js'
import type { Room, Rooms } from '../rooms/room.js'
import { type FederationClient, pathOf } from './federation-client.js'
import type { InsertOutliers } from './insert-outliers.js'
import { judgeByAuthEvents } from './judge-by-auth-events.js'
import type { VerifyPdus } from './verify-pdus.js'

/** Takes a verified event in, fetching from `origin` what it needs for that. */
export type AcceptFetching = (room: Room, event: PduEvent, origin: ServerName) => Promise<Acceptance>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readEvents'>
  acceptPdu: AcceptPdu
  insertOutliers: InsertOutliers
  verifyPdus: VerifyPdus
  client: FederationClient
  clock: Clock
  log: Logger
}

const gap = { rounds: 5, eventsPerRound: 20, maxStates: 3 }
const maxStateEvents = 200_000
const wholeStateFrom = 50
const parallel = 5
const timeoutMs = 20_000
const stateLimits = { timeoutMs: 60_000, maxBytes: 64 * 1024 * 1024 }

export type FetchEvents = {
  acceptFetching: AcceptFetching
  /** Makes the auth events of these events known as outliers, as far as `origin` has them. */
  fetchAuthEvents(room: Room, event: PduEvent, origin: ServerName): Promise<void>
}

export function makeFetchEvents(needs: Needs): FetchEvents {
  const { rooms, acceptPdu, client, log } = needs

  const ask = (origin: ServerName, template: string, params: Record<string, string>, query?: Record<string, string>) =>
    client.request({
      destination: origin,
      method: 'GET',
      path: pathOf(template, params),
      ...(query && { query }),
      ...stateLimits,
    })

  async function verified(room: Room, values: unknown): Promise<PduEvent[]> {
    const list = Array.isArray(values) ? values.slice(0, maxStateEvents) : []
    const verdicts = await needs.verifyPdus(list, room.rules)
    const events = new Map<EventId, PduEvent>()
    for (const verdict of verdicts) {
      if (!verdict.ok)
        log.info(
          { roomId: room.roomId, eventId: verdict.eventId, reason: verdict.reason },
          'a fetched event was refused',
        )
      else if (verdict.event.roomId === room.roomId) events.set(verdict.event.eventId, verdict.event)
    }
    return [...events.values()]
  }

  async function readKnown(ids: Iterable<EventId>): Promise<Map<EventId, PduEvent>> {
    return new Map((await rooms.readEvents([...new Set(ids)])).map((event) => [event.eventId, event]))
  }

  /** Judges events by their auth events and keeps them as outliers. @returns auth events that are still unknown */
  async function keepAsOutliers(room: Room, events: readonly PduEvent[]): Promise<EventId[]> {
    const own = new Set(events.map(({ eventId }) => eventId))
    const known = await readKnown(events.flatMap(({ pdu }) => authEventIds(pdu)).filter((id) => !own.has(id)))
    const { createEvent, roomId, rules } = room
    const judged = await judgeByAuthEvents(events, known, { roomId, rules, createEvent, clock: needs.clock })
    await needs.insertOutliers(roomId, rules, [...judged.accepted, ...judged.rejected])
    return [...judged.missing.values()].flat().filter((id) => !own.has(id) && !known.has(id))
  }

  async function fetchAuthEvents(room: Room, event: PduEvent, origin: ServerName): Promise<void> {
    const params = { roomId: room.roomId, eventId: event.eventId }
    const answer = await ask(origin, '/_matrix/federation/v1/event_auth/:roomId/:eventId', params)
    const chain = (await verified(room, answer.auth_chain)).filter(({ eventId }) => eventId !== event.eventId)
    const missing = await keepAsOutliers(room, chain)
    if (missing.length > 0) await keepAsOutliers(room, await fetchEach(room, missing, origin))
  }

  async function fetchEach(room: Room, ids: readonly EventId[], origin: ServerName): Promise<PduEvent[]> {
    const left = [...new Set(ids)].slice(0, wholeStateFrom)
    const values: unknown[] = []
    const worker = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        const path = pathOf('/_matrix/federation/v1/event/:eventId', { eventId: id })
        const answer = await client
          .request({ destination: origin, method: 'GET', path, timeoutMs })
          .catch(() => undefined)
        if (Array.isArray(answer?.pdus)) values.push(answer.pdus[0])
      }
    }
    await Promise.all(Array.from({ length: parallel }, worker))
    return verified(room, values)
  }

  /** Events between our extremities and this one, oldest first. */
  async function fetchGap(room: Room, event: PduEvent, origin: ServerName): Promise<PduEvent[]> {
    const found = new Map<EventId, PduEvent>()
    let latest = [event.eventId]
    for (let round = 0; round < gap.rounds && latest.length > 0; round++) {
      const answer = await client.request({
        destination: origin,
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
      })
      const list = Array.isArray(answer.events) ? answer.events.slice(0, gap.eventsPerRound) : []
      const fresh = (await verified(room, list)).filter(
        ({ eventId }) => !found.has(eventId) && eventId !== event.eventId,
      )
      for (const each of fresh) found.set(each.eventId, each)
      latest = fresh.length === 0 ? [] : await openEnds(found)
    }
    return [...found.values()].sort(
      (a, b) => a.pdu.depth - b.pdu.depth || a.pdu.origin_server_ts - b.pdu.origin_server_ts,
    )
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

  /** The state before an event as `origin` has it; its events become known as outliers. */
  async function fetchStateBefore(room: Room, event: PduEvent, origin: ServerName): Promise<Map<string, EventId>> {
    const { roomId } = room
    const query = { event_id: event.eventId }
    const answer = await ask(origin, '/_matrix/federation/v1/state_ids/:roomId', { roomId }, query)
    const stateIds = readIds(answer.pdu_ids)
    const ids = [...stateIds, ...readIds(answer.auth_chain_ids)]
    const known = await readKnown(ids)
    const missing = ids.filter((id) => !known.has(id))
    if (missing.length >= wholeStateFrom) {
      const state = await ask(origin, '/_matrix/federation/v1/state/:roomId', { roomId }, query)
      await keepAsOutliers(room, await verified(room, [...asList(state.auth_chain), ...asList(state.pdus)]))
    } else if (missing.length > 0) await keepAsOutliers(room, await fetchEach(room, missing, origin))

    const state = new Map<string, EventId>()
    for (const { eventId, pdu, rejected, roomId: itsRoom } of await rooms.readEvents(stateIds))
      if (isState(pdu) && !rejected && itsRoom === roomId) state.set(stateKeyOf(pdu.type, pdu.state_key ?? ''), eventId)
    if (state.get(stateKeyOf('m.room.create', '')) !== room.createEvent.eventId)
      throw new Error(`${origin} told a state of ${roomId} without its create event`)
    return state
  }

  async function acceptWithAuth(room: Room, event: PduEvent, origin: ServerName): Promise<Acceptance> {
    const acceptance = await acceptPdu(room.roomId, event)
    if (acceptance.status !== 'missing' || acceptance.authEvents.length === 0) return acceptance
    await fetchAuthEvents(room, event, origin)
    return acceptPdu(room.roomId, event)
  }

  /** One event of the gap; asks for the state before it where its own prev events stay unknown. */
  async function acceptWithState(
    room: Room,
    event: PduEvent,
    origin: ServerName,
    budget: { states: number },
  ): Promise<Acceptance> {
    const acceptance = await acceptWithAuth(room, event, origin)
    if (acceptance.status !== 'missing' || acceptance.prevEvents.length === 0 || budget.states === 0) return acceptance
    budget.states--
    const stateBefore = await fetchStateBefore(room, event, origin)
    return acceptPdu(room.roomId, event, { stateBefore })
  }

  async function acceptFetching(room: Room, event: PduEvent, origin: ServerName): Promise<Acceptance> {
    const first = await acceptWithAuth(room, event, origin)
    if (first.status !== 'missing' || first.prevEvents.length === 0) return first
    const budget = { states: gap.maxStates }
    for (const earlier of await fetchGap(room, event, origin)) {
      const acceptance = await acceptWithState(room, earlier, origin, budget)
      log.debug({ roomId: room.roomId, eventId: earlier.eventId, status: acceptance.status }, 'an event of a gap')
    }
    budget.states = Math.max(budget.states, 1)
    return acceptWithState(room, event, origin, budget)
  }

  return { acceptFetching, fetchAuthEvents }
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const readIds = (value: unknown): EventId[] =>
  asList(value)
    .slice(0, maxStateEvents)
    .map(parseEventId)
    .filter((id) => id !== undefined)
