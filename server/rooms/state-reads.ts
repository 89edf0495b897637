/**
 * Reads of a room's state by key, for readers: of the state of any node, and of a snapshot's own, which stays what it
 * is while the room moves on.
 *
 * Members are on disk as they are now. What a node says is that, and the rows of the nodes between (state-nodes.ts):
 * so what is read must be of the very node that it is compared with, and is read again where the room has moved on.
 */
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import { readMembersOfServer } from '../store/member-store.js'
import type { Reader } from '../store/reader.js'
import type { Membership, Room, Rooms, Snapshot, StoredEvent } from './room.js'
import type { RoomMembers } from './room-members.js'
import { userOfKey } from './snapshot.js'
import type { StateNodes } from './state-nodes.js'
import { noView, type View } from './state-view.js'
import { entriesOf, serversOf } from './write-room.js'

type Needs = {
  db: Reader
  nodes: StateNodes
  members: RoomMembers
  /** The room as it is on disk, loaded where it is not in memory. */
  get(roomId: RoomId): Promise<Room | undefined>
  peek(roomId: RoomId): Room | undefined
  readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]>
}

export type StateReads = Pick<
  Rooms,
  | 'readStateNode'
  | 'readDifferingKeys'
  | 'readStateEntryAt'
  | 'readStateEntriesAt'
  | 'readCurrent'
  | 'readMember'
  | 'readMembers'
  | 'readMembersOfServer'
  | 'readServers'
>

/** Rooms with more entries are never read whole in one query. */
const smallState = 2_000
/** So many nodes from the current one, a state is read as what differs from it. */
const nearNodes = 2_000
const maxAttempts = 3

export function makeStateReads({ db, nodes, members, get, peek, readEvents }: Needs): StateReads {
  /**
   * What is read of the state on disk, and the view of a node's on it; undefined where that is too far, or the room
   * would not keep still.
   */
  async function besides<T>(
    roomId: RoomId,
    node: number,
    read: (room: Room) => Promise<T>,
  ): Promise<{ view: View; room: Room; held: T } | undefined> {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const room = await get(roomId)
      if (!room || Math.abs(room.node - node) > nearNodes) return undefined
      const view = room.node === node ? noView : await nodes.between(roomId, room.node, node)
      const held = await read(room)
      if (peek(roomId)?.node === room.node) return { view, room, held }
    }
    return undefined
  }

  async function readEntriesAt(roomId: RoomId, node: number, keys: readonly string[]): Promise<Map<string, PduEvent>> {
    const entries = new Map<string, PduEvent>()
    const wanted = new Map<EventId, string>()
    const users = keys.flatMap((key) => userOfKey(key) ?? [])
    const found = await besides(roomId, node, (room) => members.readSome(room, users))
    const far = found ? undefined : await nodes.readEntries(roomId, node, keys)
    const current = found && entriesOf(found.room, users, found.held)
    for (const key of keys) {
      const held = found?.view.has(key) ? undefined : current?.get(key)
      const id = found?.view.get(key)?.[0] ?? far?.get(key)
      if (held) entries.set(key, held)
      else if (id !== undefined) wanted.set(id, key)
    }
    for (const event of await readEvents([...wanted.keys()])) entries.set(wanted.get(event.eventId)!, event)
    return entries
  }

  /** A room's members are read at once where it is small, else as any other events, in pieces. */
  async function readMembers(room: Snapshot): Promise<readonly PduEvent[]> {
    const { roomId, node } = room
    const found = room.stateSize > smallState ? undefined : await besides(roomId, node, (at) => members.readAll(at))
    if (found?.view.size === 0) return [...found.held.values()]
    const ids = new Map<string, EventId | undefined>()
    if (found) {
      for (const [userId, { eventId }] of found.held) ids.set(memberKey(userId), eventId)
      for (const [key, [is]] of found.view) ids.set(key, is)
    } else for (const [key, id] of await nodes.read(roomId, node)) ids.set(key, id)
    return readEvents([...ids].flatMap(([key, id]) => (userOfKey(key) === undefined ? [] : (id ?? []))))
  }

  return {
    readStateNode: (roomId, node) => nodes.read(roomId, node),
    async readDifferingKeys(roomId, from, to) {
      return new Set((await nodes.between(roomId, from, to)).keys())
    },
    async readStateEntryAt(roomId, node, type, stateKey) {
      const key = stateKeyOf(type, stateKey)
      const room = peek(roomId)
      if (room?.node === node && userOfKey(key) === undefined) return room.state.get(key)
      return (await readEntriesAt(roomId, node, [key])).get(key)
    },
    readStateEntriesAt: readEntriesAt,
    async readCurrent(room, keys) {
      const users = keys.flatMap((key) => userOfKey(key) ?? [])
      const found = await readEntriesAt(room.roomId, room.node, users.map(memberKey))
      return entriesOf(
        room,
        users,
        new Map(users.flatMap((id) => (found.has(memberKey(id)) ? [[id, found.get(memberKey(id))!]] : []))),
      )
    },
    async readMember({ roomId, node }, userId) {
      return (await readEntriesAt(roomId, node, [memberKey(userId)])).get(memberKey(userId))
    },
    readMembers,
    async readMembersOfServer(room, server) {
      const rows = await readMembersOfServer(db, room, server)
      return new Map(rows.map(({ user_id, membership }) => [user_id, membership as Membership]))
    },
    async readServers(room) {
      return serversOf(room, await members.readServers(room))
    },
  }
}

const memberKey = (userId: UserId) => stateKeyOf('m.room.member', userId)
