/**
 * Fetches events to judge others by: auth events, and the state before an event. They are verified, judged by
 * their own auth events and kept as outliers.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-events
 */
import { authEventIds, isState, type PduEvent, type StateMap, stateKeyOf } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { type EventId, parseEventId, type ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Room, Rooms } from '../rooms/room.js'
import { askInTurn, type Search, searchAt } from './ask-in-turn.js'
import { type FederationClient, pathOf } from './federation-client.js'
import type { InsertOutliers } from './insert-outliers.js'
import { judgeByAuthEvents } from './judge-by-auth-events.js'
import type { VerifyPdus } from './verify-pdus.js'

export type FetchOutliers = {
  /** Makes the auth events of these events known, as far as a server has them. */
  fetchAuthEvents(room: Room, event: PduEvent, search: Search): Promise<void>
  /** Makes these events known, as far as a server has them, and what they are judged by; at most fifty. */
  fetchEvents(room: Room, ids: readonly EventId[], search: Search): Promise<void>
  /** The state before an event, its events known; undefined where no server could tell it. */
  fetchStateBefore(room: Room, event: PduEvent, search: Search): Promise<StateMap | undefined>
  /** Those of an answer's events that pass format, signature and hash and are of this room, each once. */
  verified(room: Room, values: unknown): Promise<PduEvent[]>
}

type Needs = {
  rooms: Pick<Rooms, 'readEvents'>
  insertOutliers: InsertOutliers
  verifyPdus: VerifyPdus
  client: FederationClient
  clock: Clock
  log: Logger
}

const maxStateEvents = 200_000
/** From so many missing events on, the whole state is asked for rather than event by event. */
const wholeStateFrom = 50
const parallel = 5
const timeoutMs = 20_000
const stateLimits = { timeoutMs: 60_000, maxBytes: 64 * 1024 * 1024 }

export function makeFetchOutliers({ rooms, insertOutliers, verifyPdus, client, clock, log }: Needs): FetchOutliers {
  const ask = (
    server: ServerName,
    { allowance }: Search,
    template: string,
    params: Record<string, string>,
    query?: Record<string, string>,
  ) =>
    client.request({
      destination: server,
      method: 'GET',
      path: pathOf(template, params),
      ...(query && { query }),
      ...stateLimits,
      allowance,
    })

  async function verified(room: Room, values: unknown): Promise<PduEvent[]> {
    const list = Array.isArray(values) ? values.slice(0, maxStateEvents) : []
    const events = new Map<EventId, PduEvent>()
    for (const verdict of await verifyPdus(list, room.rules)) {
      if (!verdict.ok)
        log.info(
          { roomId: room.roomId, eventId: verdict.eventId, reason: verdict.reason },
          'a fetched event was refused',
        )
      else if (verdict.event.roomId === room.roomId) events.set(verdict.event.eventId, verdict.event)
    }
    return [...events.values()]
  }

  async function readUnknown(ids: readonly EventId[]): Promise<EventId[]> {
    const known = new Set((await rooms.readEvents([...new Set(ids)])).map(({ eventId }) => eventId))
    return [...new Set(ids)].filter((id) => !known.has(id))
  }

  /** Judges events by their auth events and keeps them as outliers. @returns auth events that are still unknown */
  async function keep(room: Room, events: readonly PduEvent[]): Promise<EventId[]> {
    const own = new Set(events.map(({ eventId }) => eventId))
    const others = events.flatMap(({ pdu }) => authEventIds(pdu)).filter((id) => !own.has(id))
    const known = new Map((await rooms.readEvents([...new Set(others)])).map((event) => [event.eventId, event]))
    const { createEvent, roomId, rules } = room
    const judged = await judgeByAuthEvents(events, known, { roomId, rules, createEvent, clock })
    await insertOutliers(roomId, rules, [...judged.accepted, ...judged.rejected])
    return [...judged.missing.values()].flat().filter((id) => !own.has(id) && !known.has(id))
  }

  async function fetchEach(room: Room, ids: readonly EventId[], search: Search): Promise<PduEvent[]> {
    const left = [...new Set(ids)].slice(0, wholeStateFrom)
    const values: unknown[] = []
    const worker = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        const path = pathOf('/_matrix/federation/v1/event/:eventId', { eventId: id })
        const pdu = await askInTurn(search, log, async (server) => {
          const answer = await client.request({
            ...{ destination: server, method: 'GET', path, timeoutMs, allowance: search.allowance },
          })
          return Array.isArray(answer.pdus) ? answer.pdus[0] : undefined
        })
        if (pdu !== undefined) values.push(pdu)
      }
    }
    await Promise.all(Array.from({ length: parallel }, worker))
    return verified(room, values)
  }

  /** Keeps events, and fetches what they in turn are judged by. */
  async function keepWithAuth(room: Room, events: readonly PduEvent[], search: Search): Promise<void> {
    const missing = await keep(room, events)
    const more = missing.length === 0 ? [] : await fetchEach(room, missing, search)
    if (more.length > 0) await keep(room, [...events, ...more])
  }

  async function askForChain(
    room: Room,
    event: PduEvent,
    server: ServerName,
    search: Search,
  ): Promise<true | undefined> {
    const { roomId } = room
    const answer = await ask(server, search, '/_matrix/federation/v1/event_auth/:roomId/:eventId', {
      roomId,
      eventId: event.eventId,
    })
    const chain = await verified(room, answer.auth_chain)
    const others = chain.filter(({ eventId }) => eventId !== event.eventId)
    await keepWithAuth(room, others, searchAt([server], search))
    return (await readUnknown(authEventIds(event.pdu))).length === 0 ? true : undefined
  }

  /** One server's state before an event; undefined where events of it cannot be had. */
  async function askForState(
    room: Room,
    event: PduEvent,
    server: ServerName,
    search: Search,
  ): Promise<StateMap | undefined> {
    const { roomId } = room
    const query = { event_id: event.eventId }
    const answer = await ask(server, search, '/_matrix/federation/v1/state_ids/:roomId', { roomId }, query)
    const stateIds = readIds(answer.pdu_ids)
    const missing = await readUnknown([...stateIds, ...readIds(answer.auth_chain_ids)])
    if (missing.length >= wholeStateFrom) {
      const state = await ask(server, search, '/_matrix/federation/v1/state/:roomId', { roomId }, query)
      const events = await verified(room, [...asList(state.auth_chain), ...asList(state.pdus)])
      await keepWithAuth(room, events, search)
    } else if (missing.length > 0) {
      const first = searchAt([server, ...search.servers.filter((other) => other !== server)], search)
      await keepWithAuth(room, await fetchEach(room, missing, first), first)
      // Half a state would be another one than everybody else's.
      if (first.isUnanswered && (await readUnknown(stateIds)).length > 0) {
        search.isUnanswered = true
        return undefined
      }
    }
    const state = new Map<string, EventId>()
    for (const { eventId, pdu, rejected, roomId: itsRoom } of await rooms.readEvents(stateIds))
      if (isState(pdu) && !rejected && itsRoom === roomId) state.set(stateKeyOf(pdu.type, pdu.state_key ?? ''), eventId)
    const isWhole = state.get(stateKeyOf('m.room.create', '')) === room.createEvent.eventId
    if (!isWhole) log.info({ roomId, destination: server }, 'a server told a state without the create event')
    return isWhole ? state : undefined
  }

  return {
    verified,
    async fetchEvents(room, ids, search) {
      await keepWithAuth(room, await fetchEach(room, ids, search), search)
    },
    async fetchAuthEvents(room, event, search) {
      const isKnown = await askInTurn(search, log, (server) => askForChain(room, event, server, search))
      if (isKnown) return
      const missing = await readUnknown(authEventIds(event.pdu))
      await keepWithAuth(room, await fetchEach(room, missing, search), search)
    },
    fetchStateBefore: (room, event, search) =>
      askInTurn(search, log, (server) => askForState(room, event, server, search)),
  }
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const readIds = (value: unknown): EventId[] =>
  asList(value)
    .slice(0, maxStateEvents)
    .map(parseEventId)
    .filter((id) => id !== undefined)
