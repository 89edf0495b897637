/**
 * Fetches older history of a room from servers in it, when somebody scrolls to the end of what is here.
 *
 * Asked for are the events that the oldest ones here name and that are missing. What comes is
 * verified, judged by its auth events (fetched where unknown) and put before the oldest event.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
 */
import { checkAuthRules } from '../events/auth-rules/index.js'
import { authEventIds, type PduEvent, prevEventIds } from '../events/pdu.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { CompleteHistory, InsertHistory } from '../rooms/insert-history.js'
import type { Room, Rooms } from '../rooms/room.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'
import type { FetchOutliers } from './fetch-outliers.js'
import { makeKeyedQueue } from './keyed-queue.js'
import type { VerifyPdus } from './verify-pdus.js'

/**
 * Brings in about `limit` older events.
 *
 * @returns how many there are more now; 0 where nothing older can be had (the room is then marked complete,
 *          unless its servers merely did not answer)
 */
export type BackfillRoom = (roomId: RoomId, limit: number) => Promise<number>

type Needs = {
  serverName: ServerName
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readTimeline'>
  client: FederationClient
  verifyPdus: VerifyPdus
  outliers: Pick<FetchOutliers, 'fetchAuthEvents'>
  insertHistory: InsertHistory
  completeHistory: CompleteHistory
  log: Logger
}

const maxServers = 5
const maxPage = 100
/** Among so many of the oldest events the ends of history are looked for. */
const edge = 100

export function makeBackfillRoom(needs: Needs): BackfillRoom {
  const { rooms } = needs
  const oneAtATime = makeKeyedQueue<RoomId>()

  /** Events that the oldest ones name and that have no place here. */
  async function openEnds(room: Room): Promise<EventId[]> {
    const oldest = await rooms.readTimeline(room.roomId, room.minSeq, Math.min(room.minSeq + edge - 1, room.maxSeq))
    const named = new Set(oldest.flatMap(({ pdu }) => prevEventIds(pdu)))
    for (const event of await rooms.readEvents([...named]))
      if (event.seq !== undefined || event.status === 'rejected') named.delete(event.eventId)
    return [...named].slice(0, 20)
  }

  async function fetchPage(
    room: Room,
    server: ServerName,
    ends: readonly EventId[],
    limit: number,
  ): Promise<PduEvent[]> {
    const answer = await needs.client.request({
      destination: server,
      method: 'GET',
      path: pathOf('/_matrix/federation/v1/backfill/:roomId', { roomId: room.roomId }),
      query: { v: ends, limit },
      timeoutMs: 30_000,
      maxBytes: 16 * 1024 * 1024,
    })
    const list = Array.isArray(answer.pdus) ? answer.pdus.slice(0, maxPage) : []
    const verdicts = await needs.verifyPdus(list, room.rules)
    const events = verdicts.flatMap((verdict) =>
      verdict.ok && verdict.event.roomId === room.roomId ? [verdict.event] : [],
    )
    return [...new Map(events.map((event) => [event.eventId, event])).values()]
  }

  async function isAllowed(room: Room, event: PduEvent, server: ServerName): Promise<boolean> {
    const ids = authEventIds(event.pdu)
    let auth = await rooms.readEvents(ids)
    if (auth.length < ids.length) {
      await needs.outliers.fetchAuthEvents(room, event, { servers: [server], isUnanswered: false })
      auth = await rooms.readEvents(ids)
    }
    if (auth.length < ids.length) return false
    const verdict = checkAuthRules(event, auth, room.rules, { createEvent: room.createEvent })
    if (!verdict.allowed)
      needs.log.info(
        { roomId: room.roomId, eventId: event.eventId, reason: verdict.reason },
        'an event of the past was refused',
      )
    return verdict.allowed
  }

  async function backfillFrom(
    room: Room,
    server: ServerName,
    ends: readonly EventId[],
    limit: number,
  ): Promise<number> {
    const allowed: PduEvent[] = []
    for (const event of await fetchPage(room, server, ends, limit))
      if (await isAllowed(room, event, server)) allowed.push(event)
    allowed.sort((a, b) => b.pdu.depth - a.pdu.depth || b.pdu.origin_server_ts - a.pdu.origin_server_ts)
    return needs.insertHistory(room.roomId, allowed)
  }

  return (roomId, limit) =>
    oneAtATime.run(roomId, async () => {
      const room = await rooms.get(roomId)
      if (!room || room.historyComplete) return 0
      const ends = await openEnds(room)
      let answered = ends.length === 0
      for (const server of ends.length === 0 ? [] : serversOf(room, needs.serverName)) {
        try {
          const added = await backfillFrom(room, server, ends, Math.min(Math.max(limit, 1), maxPage))
          if (added > 0) return added
          answered = true
        } catch (error) {
          if (!(error instanceof FederationError)) throw error
          needs.log.info({ roomId, destination: server, failure: error.failure }, 'no history from a server')
        }
      }
      if (answered) await needs.completeHistory(roomId)
      return 0
    })
}

/** Those with the most members first: they are the likeliest to have it all and to be there. */
const serversOf = (room: Room, own: ServerName): ServerName[] =>
  [...room.servers]
    .filter(([server]) => server !== own)
    .sort(([, a], [, b]) => b - a)
    .slice(0, maxServers)
    .map(([server]) => server)
