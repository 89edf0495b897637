/**
 * Fills a hole in a room's history from servers in the room, when somebody scrolls there.
 *
 * 1. Asked for are the open ends below the segment: events that its oldest ones stand on and that are not here. 2. What
 * comes is verified and judged by its auth events (fetched where unknown, for the page as a whole). What cannot
 * be taken is passed over, and the way back goes on behind it. 3. The state before the oldest event is asked for once a
 * page, where it may be another than that above. 4. It is put in place (insert-history.ts).
 *
 * An end that no server of the room has is given up. Where one did not answer the hole stays, and is left alone for a
 * while, so that not everybody who scrolls there waits for a server that is down. Who says so has it asked again at
 * once, and of servers too that failed lately.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
 */
import { LRUCache } from 'lru-cache'
import { readHistoryVisibility } from '../events/history-visibility.js'
import { authEventIds, isJsonObject, isState, type PduEvent, prevEventIds, type StateMap } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { type EventId, parseEventId, type RoomId, type ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { inHistoryOrder, reachedFrom } from '../rooms/history-order.js'
import type { History, InsertHistory } from '../rooms/insert-history.js'
import { readKnown, readOpenEnds } from '../rooms/open-ends.js'
import type { Room, Rooms } from '../rooms/room.js'
import type { Segment } from '../rooms/segments.js'
import { askInTurn, type Search, type StartSearch, searchAt } from './ask-in-turn.js'
import { type FederationClient, pathOf } from './federation-client.js'
import type { FetchOutliers } from './fetch-outliers.js'
import { judgeByAuthEvents } from './judge-by-auth-events.js'
import { makeKeyedQueue } from './keyed-queue.js'
import type { VerifyPdus } from './verify-pdus.js'

/**
 * Brings in about `wanted` of the events in the hole below a segment.
 *
 * @param isAskedAgain somebody wants to know now, whatever was found out lately
 * @returns whether anything came, or the hole is known to be none
 */
export type BackfillRoom = (roomId: RoomId, origin: number, wanted: number, isAskedAgain?: boolean) => Promise<boolean>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readTimeline' | 'readStateEntryAt'>
  client: FederationClient
  verifyPdus: VerifyPdus
  outliers: Pick<FetchOutliers, 'fetchEvents' | 'fetchAuthEvents' | 'fetchStateBefore'>
  startSearch: StartSearch
  insertHistory: InsertHistory
  clock: Clock
  log: Logger
}

const maxPage = 100
const maxEndsAsked = 20
/** Before an end is given up, so many servers must have been asked for it. */
const maxServers = 20
const restMs = 30_000
/** For so long not even who asks again is heard: several who do at once get one answer. */
const breathMs = 2_000
const maxRests = 10_000

type Page = Pick<History, 'events' | 'passedOver'> & { server: ServerName }

export function makeBackfillRoom(needs: Needs): BackfillRoom {
  const { rooms, log } = needs
  const oneAtATime = makeKeyedQueue<RoomId>()
  /** Since when a hole is left alone. */
  const rests = new LRUCache<string, number>({ max: maxRests })

  async function askForPage(
    room: Room,
    ends: readonly EventId[],
    wanted: number,
    server: ServerName,
    search: Search,
    ignoreBackoff: boolean,
  ): Promise<Page | undefined> {
    const answer = await needs.client.request({
      destination: server,
      method: 'GET',
      path: pathOf('/_matrix/federation/v1/backfill/:roomId', { roomId: room.roomId }),
      query: { v: ends.slice(0, maxEndsAsked), limit: Math.min(Math.max(wanted, 1), maxPage) },
      timeoutMs: 30_000,
      maxBytes: 16 * 1024 * 1024,
      allowance: search.allowance,
      ignoreBackoff,
    })
    const { events, passedOver } = await readPage(room, Array.isArray(answer.pdus) ? answer.pdus.slice(0, maxPage) : [])
    for (const [eventId, behind] of await readKnown(rooms.readEvents, [...events.keys()])) {
      events.delete(eventId)
      if (behind !== 'placed') passedOver.set(eventId, behind)
    }
    const { reached } = reachedFrom(ends, events, passedOver)
    const isPassing = ends.some((id) => passedOver.has(id))
    if (reached.length === 0) return isPassing ? { events: [], passedOver, server } : undefined
    const judged = await judge(room, reached, searchAt([server, ...search.servers], search))
    return judged && { events: judged.accepted, passedOver: new Map([...passedOver, ...judged.passedOver]), server }
  }

  /** The events of an answer, and those that cannot be taken, with what they say they stand on. */
  async function readPage(room: Room, values: readonly unknown[]) {
    const events = new Map<EventId, PduEvent>()
    const passedOver = new Map<EventId, readonly EventId[]>()
    for (const [i, verdict] of (await needs.verifyPdus(values, room.rules)).entries()) {
      if (verdict.ok && verdict.event.roomId === room.roomId) events.set(verdict.event.eventId, verdict.event)
      else if (!verdict.ok && verdict.eventId) {
        log.info({ roomId: room.roomId, eventId: verdict.eventId, reason: verdict.reason }, 'an event was passed over')
        passedOver.set(verdict.eventId, prevIn(values[i]))
      }
    }
    return { events, passedOver }
  }

  /** @returns undefined where a server that may have what they are judged by did not answer */
  async function judge(room: Room, events: readonly PduEvent[], search: Search) {
    const own = new Set(events.map(({ eventId }) => eventId))
    const authIds = [...new Set(events.flatMap(({ pdu }) => authEventIds(pdu)))].filter((id) => !own.has(id))
    const readAuth = async () => new Map((await rooms.readEvents(authIds)).map((event) => [event.eventId, event]))
    let known = await readAuth()
    if (known.size < authIds.length) {
      await needs.outliers.fetchEvents(
        room,
        authIds.filter((id) => !known.has(id)),
        search,
      )
      known = await readAuth()
      const [newest] = events
      if (known.size < authIds.length && newest) await needs.outliers.fetchAuthEvents(room, newest, search)
      known = await readAuth()
    }
    if (known.size < authIds.length && search.isUnanswered) return undefined
    const { createEvent, roomId, rules } = room
    const judged = await judgeByAuthEvents(events, known, { roomId, rules, createEvent, clock: needs.clock })
    const accepted = new Set(judged.accepted.map(({ eventId }) => eventId))
    const refused = events.filter(({ eventId }) => !accepted.has(eventId))
    for (const { eventId } of refused) log.info({ roomId, eventId }, 'an event of the past was refused')
    const passedOver = refused.map(({ eventId, pdu }) => [eventId, prevEventIds(pdu)] as const)
    return { accepted: judged.accepted, passedOver: new Map(passedOver) }
  }

  /** The state before the oldest of the events, where it may be another than that above them. */
  async function fetchState(room: Room, segment: Segment, page: Page, search: Search): Promise<StateMap | undefined> {
    const [oldest] = inHistoryOrder(page.events)
    if (!oldest || !(await mayDiffer(room, segment, page.events, oldest))) return undefined
    const known = new Map((await rooms.readEvents(prevEventIds(oldest.pdu))).map((event) => [event.eventId, event]))
    if (prevEventIds(oldest.pdu).every((id) => known.get(id)?.node !== undefined)) return undefined // known here
    const servers = [page.server, ...search.servers.filter((server) => server !== page.server)]
    return needs.outliers.fetchStateBefore(room, oldest, searchAt(servers, search))
  }

  async function mayDiffer(room: Room, { low }: Segment, events: readonly PduEvent[], oldest: PduEvent) {
    if (events.some(({ pdu }) => isState(pdu))) return true
    const [lowest] = await rooms.readTimeline(room.roomId, low, low)
    const type = 'm.room.history_visibility'
    const visibility = lowest && (await rooms.readStateEntryAt(room.roomId, lowest.node, type, ''))
    const value = readHistoryVisibility(visibility?.pdu.content.history_visibility)
    // Whoever joins later sees what was shared: who was there when does not matter.
    const isOpen = value === 'shared' || value === 'world_readable'
    return !isOpen || (visibility !== undefined && visibility.pdu.depth >= oldest.pdu.depth)
  }

  async function fill(room: Room, segment: Segment, wanted: number, isAskedAgain: boolean): Promise<boolean> {
    const key = `${room.roomId} ${segment.origin}`
    const restedMs = needs.clock.elapsed() - (rests.get(key) ?? Number.NEGATIVE_INFINITY)
    if (restedMs < (isAskedAgain ? breathMs : restMs)) return false
    const nothing = { origin: segment.origin, events: [], passedOver: new Map<EventId, EventId[]>() }
    const ends = await readOpenEnds(rooms.readEvents, segment.ends)
    if (ends.length === 0) {
      await needs.insertHistory(room.roomId, nothing) // all of it came by another way
      return true
    }
    const search = await needs.startSearch(room, undefined, maxServers)
    const page = await askInTurn(search, log, (server) => askForPage(room, ends, wanted, server, search, isAskedAgain))
    if (page) {
      const stateBefore = await fetchState(room, segment, page, search)
      await needs.insertHistory(room.roomId, { ...nothing, ...page, ...(stateBefore ? { stateBefore } : {}) })
      return true
    }
    if (search.isUnanswered) {
      rests.set(key, needs.clock.elapsed())
      return false
    }
    // What came meanwhile, by another way, counts; what nobody has is no hole.
    log.info({ roomId: room.roomId, ends: ends.length }, 'nobody has what is missing: it is given up')
    const givenUp = ends.slice(0, maxEndsAsked).map((id) => [id, []] as const)
    await needs.insertHistory(room.roomId, { ...nothing, passedOver: new Map(givenUp) })
    return true
  }

  return (roomId, origin, wanted, isAskedAgain = false) =>
    oneAtATime.run(roomId, async () => {
      const room = await rooms.get(roomId)
      const segment = room?.segments.find((each) => each.origin === origin)
      if (!room || !segment) return false
      return segment.below === 'unknown' ? fill(room, segment, wanted, isAskedAgain) : true
    })
}

/** Of an event that cannot be taken, in either form; only to be asked for. */
function prevIn(value: unknown): EventId[] {
  const prev = isJsonObject(value) && Array.isArray(value.prev_events) ? value.prev_events.slice(0, maxEndsAsked) : []
  return prev.flatMap((reference: unknown) => parseEventId(Array.isArray(reference) ? reference[0] : reference) ?? [])
}
