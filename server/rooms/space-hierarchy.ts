/**
 * Walks a space for one of this server's users, depth first, and answers other servers about a space.
 *
 * What this server is in it describes itself; the rest is asked of the servers that the space names, and remembered for
 * some minutes. A page is found by walking again up to it: the token is a place, and nothing is kept for it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
 */
import { LRUCache } from 'lru-cache'
import { stateKeyOf } from '../events/pdu.js'
import { isServerAllowed } from '../events/server-acl.js'
import { forbidden, invalidParam, notFound } from '../kernel/errors.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { describeRoom, isOpenTo, type RoomSummary } from './describe-room.js'
import type { QueryRoomSummary } from './read-room-summary.js'
import { isHere, type Room, type Rooms } from './room.js'
import {
  childrenOf,
  describeSpaceRoom,
  isSpace,
  type RemoteSpace,
  type SpaceChild,
  type SpaceRoom,
} from './space-children.js'

export type HierarchyQuery = {
  userId: UserId
  roomId: RoomId
  suggestedOnly: boolean
  limit?: number | undefined
  maxDepth?: number | undefined
  from?: string | undefined
}

export type SpaceHierarchies = {
  /** @throws MatrixError 403 for a room the user may not know of, 400 for a token of another walk */
  readHierarchy(query: HierarchyQuery): Promise<{ rooms: SpaceRoom[]; next_batch?: string }>
  /** @throws MatrixError 404 for a room that is not that server's business */
  readHierarchyFor(
    origin: ServerName,
    roomId: RoomId,
    suggestedOnly: boolean,
  ): Promise<{ room: SpaceRoom; children: RoomSummary[]; inaccessible_children: RoomId[] }>
  queryRoomSummary: QueryRoomSummary
}

/** Undefined where that server does not know the room or does not answer. */
export type QuerySpace = (server: ServerName, roomId: RoomId) => Promise<RemoteSpace | undefined>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readMembersOfServer' | 'readServers'>
  serverName: ServerName
  now: () => number
  querySpace: QuerySpace
}

const limits = {
  page: 50,
  largestPage: 100,
  depth: 20,
  rooms: 1_000,
  askedServers: 3,
  childrenForServers: 100,
} as const
const rememberedMs = 5 * 60_000

type Place = SpaceChild & { depth: number; known?: RoomSummary | undefined }
type Found = { entry: SpaceRoom; remote?: RemoteSpace }

export function makeSpaceHierarchies({ rooms, serverName, now, querySpace }: Needs): SpaceHierarchies {
  const asked = new LRUCache<string, { answer: Promise<RemoteSpace | undefined>; at: number }>({ max: 500 })

  function ask(server: ServerName, roomId: RoomId): Promise<RemoteSpace | undefined> {
    const key = `${server} ${roomId}`
    const known = asked.get(key)
    if (known && now() - known.at < rememberedMs) return known.answer
    const answer = querySpace(server, roomId)
    asked.set(key, { answer, at: now() })
    void answer.then((found) => found ?? asked.delete(key)) // silence is not remembered
    return answer
  }

  async function find({ roomId, via, known }: Place): Promise<Found | undefined> {
    const room = await rooms.get(roomId)
    if (room && isHere(room)) return { entry: describeSpaceRoom(room) }
    // Its parent's server has told all there is to tell of a room that is no space.
    if (known && !isSpace(known)) return { entry: { ...known, children_state: [] } }
    const servers = via.filter((server) => server !== serverName).slice(0, limits.askedServers)
    for (const server of servers) {
      const remote = await ask(server, roomId)
      if (remote) return { entry: remote.room, remote }
    }
    return known && { entry: { ...known, children_state: [] } }
  }

  async function walk(query: HierarchyQuery, maxDepth: number, count: number): Promise<SpaceRoom[]> {
    const own = await rooms.membershipsOf(query.userId)
    const isJoined = (roomId: RoomId) => own.get(roomId)?.membership === 'join'
    const isAllowed = (entry: RoomSummary) =>
      isJoined(entry.room_id) || own.get(entry.room_id)?.membership === 'invite' || isOpenTo(entry, isJoined)
    const found: SpaceRoom[] = []
    const seen = new Set<RoomId>()
    const places: Place[] = [{ roomId: query.roomId, via: [], isSuggested: true, depth: 0 }]
    while (found.length < count) {
      const place = places.pop()
      if (!place) break
      if (seen.has(place.roomId)) continue
      seen.add(place.roomId)
      const result = await find(place)
      if (!result || !isAllowed(result.entry)) {
        if (place.depth === 0) throw forbidden('There is no such room, or it is not yours to see')
        continue
      }
      found.push(query.suggestedOnly ? onlySuggested(result.entry) : result.entry)
      if (place.depth < maxDepth) places.push(...placesBelow(result, place.depth + 1, query.suggestedOnly))
    }
    return found
  }

  return {
    queryRoomSummary: async (server, roomId) => (await ask(server, roomId))?.room,

    async readHierarchy(query) {
      const maxDepth = Math.min(query.maxDepth ?? limits.depth, limits.depth)
      const start = query.from === undefined ? 0 : readToken(query.from, query)
      const count = Math.min(query.limit ?? limits.page, limits.largestPage)
      const end = Math.min(start + count, limits.rooms)
      const found = await walk(query, maxDepth, end + 1)
      const hasMore = found.length > end && end < limits.rooms
      return { rooms: found.slice(start, end), ...(hasMore && { next_batch: formatToken(end, query) }) }
    },

    async readHierarchyFor(origin, roomId, suggestedOnly) {
      const room = await rooms.get(roomId)
      if (!room || !(await isOpenToServer(room, origin))) throw notFound('There is no such room')
      const entry = describeSpaceRoom(room)
      const children: RoomSummary[] = []
      const inaccessible: RoomId[] = []
      const named = childrenOf(entry).filter(({ isSuggested }) => isSuggested || !suggestedOnly)
      for (const child of named.slice(0, limits.childrenForServers)) {
        const childRoom = await rooms.get(child.roomId)
        if (!childRoom || !isHere(childRoom)) continue // another server can say more
        if (await isOpenToServer(childRoom, origin)) children.push(describeRoom(childRoom))
        else inaccessible.push(child.roomId)
      }
      return { room: suggestedOnly ? onlySuggested(entry) : entry, children, inaccessible_children: inaccessible }
    },
  }

  /** A room that this server is in and that the other server's users may join, are in, or are invited to. */
  async function isOpenToServer(room: Room, origin: ServerName): Promise<boolean> {
    const acl = room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content
    if (!isHere(room) || !isServerAllowed(acl, origin)) return false
    if ((await rooms.readServers(room)).has(origin)) return true
    const summary = describeRoom(room)
    const within = new Set<RoomId>()
    for (const roomId of summary.allowed_room_ids ?? []) {
      const allowed = await rooms.get(roomId)
      if (allowed && (await rooms.readServers(allowed)).has(origin)) within.add(roomId)
    }
    if (isOpenTo(summary, (roomId) => within.has(roomId))) return true
    return [...(await rooms.readMembersOfServer(room, origin)).values()].includes('invite')
  }
}

const onlySuggested = (entry: SpaceRoom): SpaceRoom => ({
  ...entry,
  children_state: entry.children_state.filter(({ content }) => content.suggested === true),
})

/** The children of a room, last first, as they go on a stack. */
function placesBelow({ entry, remote }: Found, depth: number, suggestedOnly: boolean): Place[] {
  if (!isSpace(entry)) return []
  const inaccessible = new Set(remote?.inaccessible)
  const known = new Map(remote?.children.map((child) => [child.room_id, child]))
  return childrenOf(entry)
    .filter(({ roomId, isSuggested }) => (isSuggested || !suggestedOnly) && !inaccessible.has(roomId))
    .map((child) => ({ ...child, depth, known: known.get(child.roomId) }))
    .reverse()
}

/** The place, and what must not change from page to page. */
const formatToken = (place: number, { maxDepth, suggestedOnly }: HierarchyQuery) =>
  `h1_${place}_${maxDepth ?? 'x'}_${suggestedOnly ? 1 : 0}`

function readToken(token: string, query: HierarchyQuery): number {
  const place = Number(/^h1_([0-9]{1,4})_/.exec(token)?.[1] ?? Number.NaN)
  if (!Number.isInteger(place) || formatToken(place, query) !== token)
    throw invalidParam('from is not a token of this walk: max_depth and suggested_only must stay the same')
  return place
}
