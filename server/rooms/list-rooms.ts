/**
 * The rooms of this server as an administrator sees them: what kind, how large, who made them. Never
 * what was said in them.
 */
import type { PduEvent } from '../events/pdu.js'
import { stateKeyOf } from '../events/pdu.js'
import { invalidParam, notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { isPublished, type RoomNameRow, readRoomNames } from '../store/room-listing-store.js'
import type { Room, Rooms } from './room.js'

export type RoomFacts = {
  roomId: RoomId
  version: string
  creator: UserId
  name: string | undefined
  canonicalAlias: string | undefined
  topic: string | undefined
  avatarUrl: string | undefined
  joinedMembers: number
  joinedLocalMembers: number
  encryption: string | undefined
  isFederatable: boolean
  isPublished: boolean
  joinRule: string | undefined
  guestAccess: string | undefined
  historyVisibility: string | undefined
  stateEvents: number
  roomType: string | undefined
}

export type ListRooms = {
  /** @throws MatrixError 400 for an order that is not offered */
  listRooms(
    request: { orderBy: string; isBackwards: boolean; searchTerm?: string },
    from: number,
    limit: number,
  ): Promise<{ rooms: RoomFacts[]; total: number }>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  describeRoom(roomId: RoomId): Promise<RoomFacts>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  joinedMembers(roomId: RoomId): Promise<UserId[]>
}

type Needs = { db: Reader; rooms: Pick<Rooms, 'get' | 'readMembers'> }

const orders: Readonly<Record<string, (row: RoomNameRow) => string | number>> = {
  name: (row) => (row.name ?? row.canonical_alias ?? row.room_id).toLowerCase(),
  canonical_alias: (row) => row.canonical_alias ?? '',
  version: (row) => Number(row.version),
  // Ours, for the dashboard: the room where something happened last comes first.
  last_position: (row) => -row.last_position,
}

export function makeListRooms({ db, rooms }: Needs): ListRooms {
  async function read(roomId: RoomId): Promise<Room> {
    const room = await rooms.get(roomId)
    if (!room) throw notFound('There is no such room.')
    return room
  }
  const describe = async (roomId: RoomId) => factsOf(await read(roomId), await isPublished(db, roomId))

  return {
    describeRoom: describe,
    async joinedMembers(roomId) {
      const members = await rooms.readMembers(await read(roomId))
      const joined = members.filter(({ pdu }) => pdu.content.membership === 'join')
      return joined.map(({ pdu }) => pdu.state_key as UserId).sort()
    },
    async listRooms({ orderBy, isBackwards, searchTerm }, from, limit) {
      const order = orders[orderBy]
      if (!order) throw invalidParam(`order_by is one of ${Object.keys(orders).join(', ')}.`)
      const wanted = searchTerm?.toLowerCase()
      const rows = (await readRoomNames(db)).filter(
        ({ room_id, name, canonical_alias }) =>
          !wanted || [room_id, name, canonical_alias].some((text) => text?.toLowerCase().includes(wanted)),
      )
      const sign = isBackwards ? -1 : 1
      rows.sort((a, b) => (order(a) < order(b) ? -sign : order(a) > order(b) ? sign : 0))
      const page = await Promise.all(rows.slice(from, from + limit).map(({ room_id }) => describe(room_id)))
      return { rooms: page, total: rows.length }
    },
  }
}

function factsOf(room: Room, published: boolean): RoomFacts {
  const text = (type: string, field: string) => {
    const value = contentOf(room.state.get(stateKeyOf(type, '')))[field]
    return typeof value === 'string' ? value : undefined
  }
  const create = contentOf(room.createEvent)
  return {
    roomId: room.roomId,
    version: room.version,
    creator: room.createEvent.pdu.sender as UserId,
    name: text('m.room.name', 'name'),
    canonicalAlias: text('m.room.canonical_alias', 'alias'),
    topic: text('m.room.topic', 'topic'),
    avatarUrl: text('m.room.avatar', 'url'),
    joinedMembers: room.joinedCount,
    joinedLocalMembers: room.localJoinedCount,
    encryption: text('m.room.encryption', 'algorithm'),
    isFederatable: create['m.federate'] !== false,
    isPublished: published,
    joinRule: text('m.room.join_rules', 'join_rule'),
    guestAccess: text('m.room.guest_access', 'guest_access'),
    historyVisibility: text('m.room.history_visibility', 'history_visibility'),
    stateEvents: room.stateSize,
    roomType: typeof create.type === 'string' ? create.type : undefined,
  }
}

const contentOf = (event: PduEvent | undefined): Readonly<Record<string, unknown>> =>
  (event?.pdu.content ?? {}) as Readonly<Record<string, unknown>>
