/**
 * The directory of published rooms.
 *
 * Rooms are listed by joined members, most first. A page token is the place in that list.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#published-room-directory
 */
import { stateKeyOf } from '../events/pdu.js'
import { forbidden, invalidParam, notFound } from '../kernel/errors.js'
import { parseMxcUri, parseRoomAlias, type RoomId, type UserId } from '../kernel/identifiers.js'
import {
  deleteNetworkRoom,
  deletePublished,
  isPublished,
  readPublishedRooms,
  setNetworkRoom,
  setPublished,
} from '../store/room-alias-store.js'
import type { Room } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'

/** As the spec's `PublicRoomsChunk`. */
export type PublicRoom = {
  room_id: RoomId
  num_joined_members: number
  world_readable: boolean
  guest_can_join: boolean
  join_rule: string
  name?: string
  topic?: string
  canonical_alias?: string
  avatar_url?: string
  room_type?: string
}

export type PublicRoomsPage = {
  chunk: PublicRoom[]
  total_room_count_estimate: number
  next_batch?: string
  prev_batch?: string
}
export type PublicRoomsQuery = {
  limit?: number
  since?: string
  searchTerm?: string
  roomTypes?: (string | null)[]
  isForOthers?: boolean
  /** Of one network that an application service bridges to, as its protocol names it (`instance_id`). */
  instanceId?: string
  /** Those of every network too. */
  withAllNetworks?: boolean
}

export type PublicRooms = {
  listPublicRooms(query: PublicRoomsQuery): Promise<PublicRoomsPage>
  readRoomVisibility(roomId: RoomId): Promise<'public' | 'private'>
  /** @throws MatrixError `M_NOT_FOUND`, `M_FORBIDDEN` */
  setRoomVisibility(request: {
    roomId: RoomId
    userId: UserId
    isAdmin: boolean
    visibility: 'public' | 'private'
  }): Promise<void>
  /** In the directory of a network. @throws MatrixError `M_NOT_FOUND` */
  setNetworkVisibility(request: { instanceId: string; roomId: RoomId; visibility: 'public' | 'private' }): Promise<void>
}

const pageSize = 100

export function makePublicRooms(rooms: RoomsForWriting, now: () => number, anyoneMayPublish: boolean): PublicRooms {
  return {
    async listPublicRooms({ limit = pageSize, since, searchTerm, roomTypes, isForOthers, ...networks }) {
      const start = since === undefined ? 0 : Number(/^p1_([0-9]{1,9})$/.exec(since)?.[1] ?? Number.NaN)
      if (!Number.isInteger(start)) throw invalidParam('since is not a token of this list')
      const listed: PublicRoom[] = []
      for (const roomId of await readPublishedRooms(rooms.db, networks)) {
        const room = await rooms.get(roomId)
        if (!room || (isForOthers && !isFederated(room))) continue
        const entry = describePublicRoom(room)
        if (matches(entry, searchTerm, roomTypes)) listed.push(entry)
      }
      listed.sort((a, b) => b.num_joined_members - a.num_joined_members || (a.room_id < b.room_id ? -1 : 1))
      const count = Math.max(0, Math.min(limit, 500))
      return {
        chunk: listed.slice(start, start + count),
        total_room_count_estimate: listed.length,
        ...(start + count < listed.length ? { next_batch: `p1_${start + count}` } : {}),
        ...(start > 0 ? { prev_batch: `p1_${Math.max(0, start - count)}` } : {}),
      }
    },

    async setNetworkVisibility({ instanceId, roomId, visibility }) {
      if (!(await rooms.get(roomId))) throw notFound('This server does not know the room')
      const write = visibility === 'public' ? setNetworkRoom(instanceId, roomId) : deleteNetworkRoom(instanceId, roomId)
      await rooms.db.commit(() => ({ writes: [write], changes: [], result: undefined }))
    },

    async readRoomVisibility(roomId) {
      if (!(await rooms.get(roomId))) throw notFound('This server does not know the room')
      return (await isPublished(rooms.db, roomId)) ? 'public' : 'private'
    },

    async setRoomVisibility({ roomId, userId, isAdmin, visibility }) {
      const room = await rooms.get(roomId)
      if (!room) throw notFound('This server does not know the room')
      const may =
        isAdmin ||
        (anyoneMayPublish && checkRoomPermission(room, userId, 'take_part')) ||
        checkRoomPermission(room, userId, { sendState: 'm.room.canonical_alias' })
      if (!may) throw forbidden('You may not publish this room')
      const write = visibility === 'public' ? setPublished(roomId, now()) : deletePublished(roomId)
      await rooms.db.commit(() => ({ writes: [write], changes: [], result: undefined }))
    },
  }
}

/** Whether users of other servers could join at all. */
const isFederated = ({ createEvent }: Room) => createEvent.pdu.content['m.federate'] !== false

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

export function describePublicRoom(room: Room): PublicRoom {
  const read = (type: string) => room.state.get(stateKeyOf(type, ''))?.pdu.content
  const optional = {
    name: text(read('m.room.name')?.name),
    topic: text(read('m.room.topic')?.topic),
    canonical_alias: parseRoomAlias(read('m.room.canonical_alias')?.alias),
    avatar_url: parseMxcUri(read('m.room.avatar')?.url) && text(read('m.room.avatar')?.url),
    room_type: text(room.createEvent.pdu.content.type),
  }
  return {
    room_id: room.roomId,
    num_joined_members: room.joinedCount,
    world_readable: read('m.room.history_visibility')?.history_visibility === 'world_readable',
    guest_can_join: read('m.room.guest_access')?.guest_access === 'can_join',
    join_rule: text(read('m.room.join_rules')?.join_rule) ?? 'invite',
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  }
}

function matches(room: PublicRoom, searchTerm: string | undefined, roomTypes: (string | null)[] | undefined): boolean {
  if (roomTypes && !roomTypes.includes(room.room_type ?? null)) return false
  if (!searchTerm) return true
  const term = searchTerm.toLowerCase()
  return [room.name, room.topic, room.canonical_alias].some((field) => field?.toLowerCase().includes(term))
}
