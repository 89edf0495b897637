/**
 * The summary of one room for somebody who considers joining it.
 *
 * A room that this server is in is described from its state; any other by a server that is. Whom a room does not
 * concern is told that there is none.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 */
import { notFound } from '../kernel/errors.js'
import {
  parseRoomAlias,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverNameIn,
  type UserId,
} from '../kernel/identifiers.js'
import { describeRoom, isOpenTo, type RoomSummary } from './describe-room.js'
import { isHere, type Membership, type Rooms } from './room.js'
import type { ResolvedAlias } from './room-aliases.js'

/**
 * @param userId undefined for who has not logged in: other servers are not asked on their behalf
 * @param via servers that may know the room
 * @throws MatrixError 404 `M_NOT_FOUND`
 */
export type ReadRoomSummary = (request: {
  room: RoomId | RoomAlias
  via: readonly ServerName[]
  userId: UserId | undefined
}) => Promise<RoomSummary & { membership?: Membership }>

/** A server's answer about a room; undefined where it does not know it or does not answer. */
export type QueryRoomSummary = (server: ServerName, roomId: RoomId) => Promise<RoomSummary | undefined>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readServers'>
  serverName: ServerName
  resolveAlias: (alias: RoomAlias) => Promise<ResolvedAlias>
  queryRoomSummary: QueryRoomSummary
}

/** So many servers are asked, one after the other, before the room counts as unknown. */
const maxAsked = 3

export function makeReadRoomSummary(needs: Needs): ReadRoomSummary {
  const { rooms, serverName, queryRoomSummary } = needs

  async function describe(roomId: RoomId, servers: Iterable<ServerName>, mayAsk: boolean) {
    const room = await rooms.get(roomId)
    if (room && isHere(room)) return describeRoom(room)
    const others = new Set([...servers, ...(room ? (await rooms.readServers(room)).keys() : [])])
    const home = serverNameIn(roomId)
    if (home) others.add(home)
    others.delete(serverName)
    for (const server of mayAsk ? [...others].slice(0, maxAsked) : []) {
      const summary = await queryRoomSummary(server, roomId)
      if (summary) return summary
    }
    return undefined
  }

  return async ({ room, via, userId }) => {
    const alias = parseRoomAlias(room)
    const resolved = alias ? await needs.resolveAlias(alias) : { roomId: room as RoomId, servers: [] }
    const { roomId } = resolved
    const summary = await describe(roomId, [...via, ...resolved.servers], userId !== undefined)
    const own = userId && (await rooms.membershipsOf(userId))
    const membership = own?.get(roomId)?.membership
    const isConcerned = membership === 'join' || membership === 'invite' || membership === 'knock'
    const isJoined = (allowed: RoomId) => own?.get(allowed)?.membership === 'join'
    if (!summary || !(isConcerned || isOpenTo(summary, isJoined))) throw notFound('There is no such room')
    return { ...summary, ...(membership && { membership }) }
  }
}
