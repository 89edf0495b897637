/**
 * The rooms this process knows: loads them, keeps the recently used in memory, moves them on when
 * their commits are durable, and answers the reads of `Rooms`.
 *
 * A room is never dropped while a commit of it is under way: there is one `Room` object per room, or
 * two writers would build on different states.
 */
import { LRUCache } from 'lru-cache'
import type { PduEvent, StateMap } from '../events/pdu.js'
import { stateKeyOf } from '../events/pdu.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { readAwaitedTargets, readEventRows, readPendingRedaction, readTimelineRows } from '../store/event-store.js'
import { type MembershipRow, readMembershipChanges, readMembershipsOf } from '../store/membership-store.js'
import type { Database } from '../store/reader.js'
import { readRoomPositions } from '../store/room-store.js'
import type { Change, RoomSeq, StreamPosition } from '../store/writes.js'
import { type KeyedLock, makeKeyedLock } from './keyed-lock.js'
import { loadRoom } from './load-room.js'
import type { Membership, Room, RoomMembership, Rooms, StoredEvent, TimelineEvent } from './room.js'
import { makeStateNodes, type StateNodes } from './state-nodes.js'
import { toStoredEvent } from './stored-event.js'

const maxStateEntriesInMemory = 300_000
const maxEventsInMemory = 10_000
const maxUsersInMemory = 5_000

/** What the writers of room history use beyond `Rooms`. */
export type RoomsForWriting = Rooms & {
  readonly db: Database
  readonly nodes: StateNodes
  readonly lock: KeyedLock
  /** A new room, not yet durable. */
  add(room: Room): void
  /** Forgets the room, so that the next use reads it afresh: something built on it failed. */
  drop(room: Room): void
  /** Keeps the room in memory until the returned function is called. */
  pin(room: Room): () => void
  rememberEvent(event: StoredEvent): void
  /** Forgets the event that replaced this one in the state: it is read again as another object. */
  forgetReplacing(eventId: EventId): void
  /** Events on their way to the disk: found by `readEvents` already, without seq and position. */
  fly(events: readonly StoredEvent[], durable: Promise<unknown>): void
  /** Resolves when the event is not on its way any more, whatever came of it. */
  landed(eventId: EventId): Promise<void>
  /** The same for every event of the room. */
  landedIn(roomId: RoomId): Promise<unknown>
  /** What is to happen in memory once this change is durable, before anyone else is told. */
  whenDurable(change: Change, apply: () => void): void
  setMembershipInMemory(userId: UserId, row: RoomMembership): void
  /** The redaction that waits for this event, if there is one; costs a read only where one waits. */
  readAwaitingRedaction(event: PduEvent): Promise<EventId | undefined>
  /** Remembers that a redaction waits for its target. */
  awaitTarget(target: EventId): void
}

export async function makeRooms(
  db: Database,
  serverName: ServerName,
  maxRoomsInMemory = 1_000,
): Promise<RoomsForWriting> {
  const loaded = new Map<RoomId, Room>()
  const loading = new Map<RoomId, Promise<Room | undefined>>()
  const pins = new Map<Room, number>()
  const events = new LRUCache<EventId, StoredEvent>({ max: maxEventsInMemory })
  const memberships = new LRUCache<UserId, Map<RoomId, RoomMembership>>({ max: maxUsersInMemory })
  const locked = makeKeyedLock()
  /** How many hold or wait for each room's lock: what they build on must stay the one copy of the room. */
  const lockers = new Map<string, number>()
  const lastPositions = new Map<RoomId, StreamPosition>()
  const durable = new WeakMap<Change, () => void>()
  const flying = new Map<EventId, { event: StoredEvent; landed: Promise<void> }>()
  const awaitedTargets = new Set(await readAwaitedTargets(db))
  for (const row of await readRoomPositions(db)) lastPositions.set(row.room_id, row.last_position)

  const stored = makeStateNodes(db)
  const nodes: StateNodes = {
    ...stored,
    /** A node that is not there may be on its way to the disk with the event it belongs to. */
    async read(roomId, n) {
      try {
        return await stored.read(roomId, n)
      } catch (error) {
        if (!(await landedIn(roomId))) throw error
        return stored.read(roomId, n)
      }
    },
  }

  /** @returns whether anything was on its way */
  async function landedIn(roomId: RoomId): Promise<boolean> {
    const landings = [...flying.values()].filter(({ event }) => event.roomId === roomId)
    await Promise.all(landings.map(({ landed }) => landed))
    return landings.length > 0
  }

  const lock: KeyedLock = (roomId, work) => {
    lockers.set(roomId, (lockers.get(roomId) ?? 0) + 1)
    return locked(roomId, work).finally(() => {
      const left = (lockers.get(roomId) ?? 1) - 1
      if (left === 0) lockers.delete(roomId)
      else lockers.set(roomId, left)
    })
  }

  db.onCommitted('memory', (changes) => {
    for (const change of changes) {
      durable.get(change)?.()
      if ('roomId' in change && change.roomId && lastPositions.has(change.roomId) && movesRoom(change))
        lastPositions.set(change.roomId, change.position)
      else if (change.kind === 'event') lastPositions.set(change.roomId, change.position)
    }
  })

  function makeRoom(): void {
    let entries = 0
    for (const room of loaded.values()) entries += room.state.size
    for (const [roomId, room] of loaded) {
      if (loaded.size <= maxRoomsInMemory && entries <= maxStateEntriesInMemory) return
      if (pins.has(room) || lockers.has(roomId)) continue
      loaded.delete(roomId)
      entries -= room.state.size
    }
  }

  async function load(roomId: RoomId): Promise<Room | undefined> {
    const room = await loadRoom(db, roomId, serverName)
    if (!room) return undefined
    loaded.set(roomId, room)
    db.seedRoom(roomId, { maxSeq: room.maxSeq, minSeq: room.minSeq })
    makeRoom()
    return room
  }

  async function get(roomId: RoomId): Promise<Room | undefined> {
    const room = loaded.get(roomId)
    if (room) {
      loaded.delete(roomId) // to the end: the map's order is the order of last use
      loaded.set(roomId, room)
      return room
    }
    let run = loading.get(roomId)
    if (!run) {
      run = load(roomId).finally(() => loading.delete(roomId))
      loading.set(roomId, run)
    }
    return run
  }

  async function membershipsOf(userId: UserId): Promise<Map<RoomId, RoomMembership>> {
    const known = memberships.get(userId)
    if (known) return known
    const before = db.position
    const rows = await readMembershipsOf(db, userId)
    const meanwhile = memberships.get(userId)
    if (meanwhile) return meanwhile
    // A change committed while we read may be missing from what was read: read again.
    if (db.position !== before) return membershipsOf(userId)
    const own = new Map(rows.map((row) => [row.room_id, toMembership(row)]))
    memberships.set(userId, own)
    return own
  }

  async function readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]> {
    const found: StoredEvent[] = []
    const missing: EventId[] = []
    for (const eventId of new Set(eventIds)) {
      const known = flying.get(eventId)?.event ?? events.get(eventId)
      if (known) found.push(known)
      else missing.push(eventId)
    }
    for (let start = 0; start < missing.length; start += 500) {
      for (const row of await readEventRows(db, missing.slice(start, start + 500))) {
        const event = toStoredEvent(row)
        events.set(event.eventId, event)
        found.push(event)
      }
    }
    return found
  }

  async function readTimeline(roomId: RoomId, from: number, to: number): Promise<TimelineEvent[]> {
    const room = loaded.get(roomId)
    const first = room?.recent[0]
    if (room && first && from >= first.seq) return room.recent.filter(({ seq }) => seq >= from && seq <= to)
    const rows = await readTimelineRows(db, roomId, from, to)
    return rows.map((row) => toStoredEvent(row) as TimelineEvent) // rows of the timeline have seq, position and node
  }

  const readStateNode = async (roomId: RoomId, node: number): Promise<StateMap> =>
    (await nodes.read(roomId, node)).state

  return {
    db,
    nodes,
    lock,
    get,
    peek: (roomId) => loaded.get(roomId),
    lastPosition: (roomId) => lastPositions.get(roomId),
    membershipsOf,
    readTimeline,
    readEvents,
    async readEvent(eventId) {
      return (await readEvents([eventId]))[0]
    },
    readStateNode,
    async readStateEntryAt(roomId, node, type, stateKey): Promise<PduEvent | undefined> {
      const room = loaded.get(roomId)
      if (room?.node === node) return room.state.get(stateKeyOf(type, stateKey))
      const eventId = (await readStateNode(roomId, node)).get(stateKeyOf(type, stateKey))
      return eventId && (await readEvents([eventId]))[0]
    },
    async readMember({ state }, userId) {
      return state.get(stateKeyOf('m.room.member', userId))
    },
    async readMembers({ state }) {
      return [...state.values()].filter(({ pdu }) => pdu.type === 'm.room.member')
    },
    async readServers({ servers }) {
      return servers
    },
    async readMembershipHistory(roomId, userId) {
      const rows = await readMembershipChanges(db, roomId, userId)
      return rows.map((row) => ({
        membership: row.membership as Membership,
        eventId: row.event_id,
        seq: row.seq,
        position: row.position,
      }))
    },
    async sharedRooms(a, b) {
      const [ofA, ofB] = await Promise.all([membershipsOf(a), membershipsOf(b)])
      const isJoined = (row: RoomMembership | undefined) => row?.membership === 'join'
      return [...ofA.values()].filter((row) => isJoined(row) && isJoined(ofB.get(row.roomId))).map((row) => row.roomId)
    },
    add(room) {
      loaded.set(room.roomId, room)
      db.seedRoom(room.roomId, { maxSeq: room.maxSeq, minSeq: room.minSeq })
    },
    drop(room) {
      room.epoch++
      if (loaded.get(room.roomId) === room) loaded.delete(room.roomId)
      nodes.forget(room.roomId) // their numbers will be given out again
    },
    pin(room) {
      pins.set(room, (pins.get(room) ?? 0) + 1)
      return () => {
        const left = (pins.get(room) ?? 1) - 1
        if (left === 0) pins.delete(room)
        else pins.set(room, left)
      }
    },
    forgetReplacing(eventId) {
      for (const event of [...events.values()]) if (event.replaces === eventId) events.delete(event.eventId)
    },
    rememberEvent: (event) => void events.set(event.eventId, event),
    fly(group, durable) {
      const end = () => {
        for (const { eventId } of group) flying.delete(eventId)
      }
      const landed = durable.then(end, end)
      for (const event of group) flying.set(event.eventId, { event, landed })
    },
    landedIn,
    async landed(eventId) {
      await flying.get(eventId)?.landed
    },
    whenDurable: (change, apply) => void durable.set(change, apply),
    async readAwaitingRedaction({ roomId, eventId }) {
      return awaitedTargets.has(eventId) ? readPendingRedaction(db, roomId, eventId) : undefined
    },
    awaitTarget: (target) => void awaitedTargets.add(target),
    setMembershipInMemory(userId, row) {
      memberships.get(userId)?.set(row.roomId, row)
    },
  }
}

/** Whether the change is one that a joined member's /sync has to look at the room for. */
const movesRoom = ({ kind }: Change) =>
  kind === 'event' || kind === 'state' || kind === 'redaction' || kind === 'receipt' || kind === 'account_data'

function toMembership(row: MembershipRow): RoomMembership {
  return {
    roomId: row.room_id,
    membership: row.membership as Membership,
    eventId: row.event_id,
    sender: row.sender,
    position: row.position,
    seq: row.seq as RoomSeq | undefined,
    forgotten: row.forgotten,
    stripped: row.stripped ? JSON.parse(row.stripped) : undefined,
    via: row.via,
    roomVersion: row.room_version,
  }
}
