/**
 * The rooms this process knows: loads them, keeps the recently used in memory, and answers the reads of `Rooms`,
 * with what is durable and nothing else. How a room moves on is said in write-room.ts.
 */
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import { isAbsentEvent, readEventRows, readTimelineRows } from '../store/event-store.js'
import { type MembershipRow, readMembershipChanges, readMembershipsOf } from '../store/membership-store.js'
import { makeReadTogether } from '../store/read-together.js'
import type { Database, Reader } from '../store/reader.js'
import { readRelated } from '../store/relation-store.js'
import { readRoomPositions } from '../store/room-store.js'
import type { Change, RoomSeq, StreamPosition } from '../store/writes.js'
import { isCopyDue, makeCopyState } from './copy-state.js'
import { loadRoom } from './load-room.js'
import type { Membership, Room, RoomMembership, Rooms, StoredEvent, TimelineEvent } from './room.js'
import { RoomMembers } from './room-members.js'
import { makeStateNodes, type StateNodes } from './state-nodes.js'
import { makeStateReads } from './state-reads.js'
import { toStoredEvent } from './stored-event.js'
import { HeldRoom, makeWriteRoom, type WriteRoom } from './write-room.js'

const maxStateEntriesInMemory = 300_000
const maxBytes = { events: 24_000_000, memberships: 16_000_000 } as const
const roomsPerRead = 25
/** About what an event or a membership takes beside its JSON. */
const overhead = { event: 600, membership: 300 } as const

/** What the writers of room history use beyond `Rooms`. */
export type RoomsForWriting = Rooms & {
  readonly db: Database
  /** The one way to move a room on. */
  readonly write: WriteRoom
  rememberEvent(event: StoredEvent, bytes: number): void
  /** Forgets the event that replaced this one in the state: it is read again as another object. */
  forgetReplacing(eventId: EventId): void
  /** Notes that something relates to the event. */
  noteRelated(eventId: EventId): void
  /** Those of the events that something relates to. */
  readRelated(roomId: RoomId, eventIds: readonly EventId[]): Promise<EventId[]>
  setMembershipInMemory(userId: UserId, row: RoomMembership): void
  /** Has the member events of some users, or that there are none, in memory for the writer who comes next. */
  prepareMembers(room: Room, userIds: readonly UserId[]): Promise<void>
  /** Of those whose memberships are in memory at all. */
  setMembershipsInMemory(rows: ReadonlyMap<UserId, RoomMembership>): void
  /** Whether an accepted event stands on this one, which was not here. */
  isAbsent(roomId: RoomId, eventId: EventId): Promise<boolean>
  readonly nodes: StateNodes
}

export async function makeRooms(
  db: Database,
  serverName: ServerName,
  maxRoomsInMemory = 1_000,
): Promise<RoomsForWriting> {
  const loaded = new Map<RoomId, HeldRoom>()
  const loading = new Map<RoomId, Promise<HeldRoom>>()
  const events = new VersionedCache<EventId, StoredEvent>('events', maxBytes.events)
  const memberships = new VersionedCache<UserId, PersistentMap<RoomId, RoomMembership>>(
    'memberships',
    maxBytes.memberships,
  )
  const nodes = makeStateNodes(db)
  const members = new RoomMembers(db)
  /** For what many users are asked for side by side. */
  const together = makeReadTogether(db)
  const lastPositions = new Map<RoomId, StreamPosition>()
  for (const row of await readRoomPositions(db)) lastPositions.set(row.room_id, row.last_position)

  db.onCommitted('memory', (changes) => {
    for (const change of changes) {
      if (change.kind === 'event') lastPositions.set(change.roomId, change.position)
      else if ('roomId' in change && change.roomId && lastPositions.has(change.roomId) && movesRoom(change))
        lastPositions.set(change.roomId, change.position)
    }
  })

  function makeRoom(): void {
    let entries = 0
    for (const { durable } of loaded.values()) entries += entriesOfRoom(durable)
    for (const [roomId, held] of loaded) {
      if (loaded.size <= maxRoomsInMemory && entries <= maxStateEntriesInMemory) return
      if (held.writers > 0) continue // not needed for what is right: it spares who writes there from doing it twice
      loaded.delete(roomId)
      entries -= entriesOfRoom(held.durable)
    }
  }

  async function load(roomId: RoomId, reader: Reader): Promise<HeldRoom> {
    const room = await loadRoom(reader, roomId, serverName)
    const held = new HeldRoom(roomId, room)
    loaded.set(roomId, held)
    if (room) db.seedRoom(roomId, { maxSeq: room.maxSeq })
    makeRoom()
    return held
  }

  /** A room that this server does not know is held only while somebody writes to it. */
  async function hold(roomId: RoomId): Promise<HeldRoom> {
    const known = loaded.get(roomId)
    if (known) {
      loaded.delete(roomId) // to the end: the map's order is the order of last use
      loaded.set(roomId, known)
      return known
    }
    return loading.get(roomId) ?? begin(roomId, db)
  }

  function begin(roomId: RoomId, reader: Reader): Promise<HeldRoom> {
    const run = load(roomId, reader).finally(() => loading.delete(roomId))
    loading.set(roomId, run)
    return run
  }

  async function getSome(roomIds: readonly RoomId[], reader: UserId): Promise<void> {
    const together = makeReadTogether(db)
    const held = await Promise.all(roomIds.map((roomId) => begin(roomId, together)))
    const rooms = held.flatMap(({ durable }) => durable ?? [])
    const wanted = (room: Room) => new Set([reader, ...room.recent.map(({ pdu }) => pdu.sender)])
    await Promise.all(rooms.map((room) => members.readSome(room, [...wanted(room)], together)))
  }

  async function getMany(roomIds: readonly RoomId[], reader: UserId): Promise<void> {
    const missing = [...new Set(roomIds)].filter((roomId) => !loaded.has(roomId) && !loading.has(roomId))
    // Two at once: while the engine reads for the one, the rooms of the other are made.
    const lane = async () => {
      while (missing.length > 0) await getSome(missing.splice(0, roomsPerRead), reader)
    }
    await Promise.all([lane(), lane()])
  }

  async function get(roomId: RoomId): Promise<Room | undefined> {
    const held = await hold(roomId)
    if (!held.durable && held.writers === 0 && loaded.get(roomId) === held) loaded.delete(roomId)
    return held.durable
  }

  async function membershipsOf(userId: UserId): Promise<ReadonlyMap<RoomId, RoomMembership>> {
    const known = await memberships.get(userId, async () => {
      const rows = await readMembershipsOf(together, userId)
      const own = new Map(rows.map((row) => [row.room_id, toMembership(row)]))
      return { value: PersistentMap.of(own), bytes: overhead.membership * (rows.length + 1) }
    })
    return known ?? PersistentMap.of()
  }

  function setMembershipInMemory(userId: UserId, row: RoomMembership): void {
    const known = memberships.peek(userId)
    if (!known) {
      memberships.delete(userId) // a load under way may be from before
      return
    }
    const own = known.set(row.roomId, row)
    memberships.set(userId, own, overhead.membership * (own.size + 1))
  }

  async function readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]> {
    const found = await events.getMany(eventIds, async (missing) => {
      const rows = []
      for (let start = 0; start < missing.length; start += 500)
        rows.push(...(await readEventRows(db, missing.slice(start, start + 500))))
      return rows.map((row) => ({ key: row.event_id, value: toStoredEvent(row), bytes: bytesOf(row.pdu.length) }))
    })
    return [...found.values()]
  }

  async function readTimeline(roomId: RoomId, from: number, to: number): Promise<TimelineEvent[]> {
    const recent = loaded.get(roomId)?.durable?.recent
    const first = recent?.[0]
    if (recent && first && from >= first.seq) return recent.filter(({ seq }) => seq >= from && seq <= to)
    const rows = await readTimelineRows(db, roomId, from, to)
    return rows.map((row) => toStoredEvent(row) as TimelineEvent) // rows of the timeline have seq, position and node
  }

  const peek = (roomId: RoomId): Room | undefined => loaded.get(roomId)?.durable

  const write = makeWriteRoom({
    db,
    nodes,
    members,
    readEvents,
    moveOn(next) {
      members.moveOn(next)
      if (isCopyDue(next)) void copyState(next.roomId, next).catch(() => undefined) // it stays due
    },
    async hold(roomId) {
      for (;;) {
        const held = await hold(roomId)
        if (loaded.get(roomId) !== held) continue // it had to make room before anybody could say it is needed
        held.writers++
        return held
      }
    },
    isHeld: (held) => loaded.get(held.roomId) === held,
  })
  const copyState = makeCopyState({ db, nodes, write })

  return {
    db,
    nodes,
    write,
    ...makeStateReads({ db, nodes, members, get, peek, readEvents }),
    get,
    getMany,
    peek,
    lastPosition: (roomId) => lastPositions.get(roomId),
    membershipsOf,
    readTimeline,
    readEvents,
    async readEvent(eventId) {
      return (await readEvents([eventId]))[0]
    },
    async readMembershipHistory(roomId, userId) {
      const rows = await readMembershipChanges(together, roomId, userId)
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
    forgetReplacing(eventId) {
      for (const event of [...events.values()]) if (event.replaces === eventId) events.delete(event.eventId)
    },
    noteRelated(eventId) {
      const known = events.peek(eventId)
      if (!known) return events.delete(eventId) // a load under way may be from before
      events.set(eventId, { ...known, related: true }, bytesOf(JSON.stringify(known.pdu).length))
    },
    readRelated: (roomId, eventIds) => readRelated(db, roomId, eventIds),
    rememberEvent: (event, bytes) => events.set(event.eventId, event, bytesOf(bytes)),
    setMembershipInMemory,
    async prepareMembers(room, userIds) {
      await members.readSome(room, userIds, together)
    },
    setMembershipsInMemory(rows) {
      for (const userId of memberships.keysInUse()) {
        const row = rows.get(userId)
        if (row) setMembershipInMemory(userId, row)
      }
    },
    isAbsent: (roomId, eventId) => isAbsentEvent(db, roomId, eventId),
  }
}

/** About what a room takes, in entries. */
const entriesOfRoom = (room: Room | undefined) => (room ? room.state.size + room.localMembers.size : 0)

const bytesOf = (json: number) => 2 * json + overhead.event

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
