/**
 * Asks the servers of a room for an event close to a time; the first that knows one is believed.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
 */
import { parseEventId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import type { QueryEventByTime } from '../sync/read-event-by-time.js'
import { askInTurn, type StartSearch } from './ask-in-turn.js'
import { type FederationClient, pathOf } from './federation-client.js'

type Needs = {
  rooms: Pick<Rooms, 'get'>
  client: FederationClient
  startSearch: StartSearch
  log: Logger
}

/** Somebody waits: so many that do not know or do not answer are enough. */
const maxServers = 3
const timeoutMs = 5_000

export function makeQueryEventByTime({ rooms, client, startSearch, log }: Needs): QueryEventByTime {
  return async (roomId, { ts, direction, closerThan }) => {
    const room = await rooms.get(roomId)
    if (!room) return undefined
    const search = await startSearch(room, undefined, maxServers)
    const told = await askInTurn(search, log, async (server) => {
      const path = pathOf('/_matrix/federation/v1/timestamp_to_event/:roomId', { roomId })
      const query = { ts, dir: direction }
      return client.request({ destination: server, method: 'GET', path, query, timeoutMs })
    })
    const eventId = parseEventId(told?.event_id)
    const time = told?.origin_server_ts
    if (!eventId || typeof time !== 'number' || (direction === 'f' ? time < ts : time > ts)) return undefined
    return Math.abs(time - ts) < closerThan ? { eventId, ts: time } : undefined
  }
}
