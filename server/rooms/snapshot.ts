/**
 * Snapshots of a room: pure functions from one to the next.
 *
 * Nothing here knows the database or what is under way; what they need to know is handed in.
 */
import { type PduEvent, prevEventIds, stateKeyOf } from '../events/pdu.js'
import { readPowerLevels } from '../events/power-levels.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import type { RoomSeq, StreamPosition } from '../store/writes.js'
import { referenceTo } from './build-event.js'
import type { Extremity, Membership, Moved, Snapshot, Timeline } from './room.js'
import type { Segment } from './segments.js'

export const nothingMoved: Moved = { members: new Map(), servers: new Map() }

/** A room before its first event. */
export function makeEmptySnapshot(createEvent: PduEvent, rules: RoomVersionRules, serverName: ServerName): Snapshot {
  return {
    roomId: createEvent.roomId,
    version: rules.version,
    rules,
    createEvent,
    serverName,
    extremities: [],
    node: 0,
    nodeWeight: 0,
    nextNode: 0,
    stateGeneration: 0,
    state: PersistentMap.of(),
    stateSize: 0,
    powerLevels: readPowerLevels(undefined, createEvent, rules),
    localMembers: PersistentMap.of(),
    joinedCount: 0,
    invitedCount: 0,
    localJoinedCount: 0,
    moved: nothingMoved,
    partialState: false,
    waiting: PersistentMap.of(),
  }
}

export const emptyTimeline: Timeline = {
  maxSeq: 0 as RoomSeq,
  minSeq: 1 as RoomSeq,
  historyComplete: false,
  segments: [],
  lastPosition: 0 as StreamPosition,
  movedPosition: 0,
  recent: [],
}

/** The timeline with its segments, and what they say of its oldest event. */
export function withSegments(timeline: Timeline, segments: readonly Segment[]): Timeline {
  const [first] = segments
  if (!first || segments === timeline.segments) return timeline
  return { ...timeline, segments, minSeq: first.low as RoomSeq, historyComplete: first.below === 'start' }
}

const powerLevelsKey = stateKeyOf('m.room.power_levels', '')

/** Entries of the current state by key; undefined where one goes away. */
export type StateChanges = ReadonlyMap<string, PduEvent | undefined>

const memberPrefix = stateKeyOf('m.room.member', '')

/** The user whose member event the key is that of. The auth rules let no other state keys of the type through. */
export const userOfKey = (key: string): UserId | undefined =>
  key.startsWith(memberPrefix) ? (key.slice(memberPrefix.length) as UserId) : undefined

/** What changing members needs to know of them: who they are now, and how many of each other server are joined. */
export type Census = {
  readonly members: ReadonlyMap<UserId, PduEvent>
  readonly servers: ReadonlyMap<ServerName, number>
}

export const nobody: Census = { members: new Map(), servers: new Map() }

/** What the state holds under the key; of members those that the census has. */
export function entryIn(room: Snapshot, { members }: Pick<Census, 'members'>, key: string): PduEvent | undefined {
  const userId = userOfKey(key)
  if (userId === undefined) return room.state.get(key)
  return room.moved.members.has(userId) ? room.moved.members.get(userId) : members.get(userId)
}

/**
 * The room with some entries of its state changed, and all that is derived from them.
 *
 * @param census of the members that change, as they are before
 */
export function withState(room: Snapshot, changes: StateChanges, census: Census): Snapshot {
  if (changes.size === 0) return room
  let { stateSize } = room
  const members = new Map<UserId, PduEvent | undefined>()
  const others: [string, PduEvent | undefined][] = []
  for (const [key, after] of changes) {
    stateSize += Number(after !== undefined) - Number(entryIn(room, census, key) !== undefined)
    const userId = userOfKey(key)
    if (userId === undefined) others.push([key, after])
    else members.set(userId, after)
  }
  const next = { ...withMembers(room, members, census), stateSize }
  if (others.length === 0) return next
  const state = PersistentMap.of(room.state).with(others)
  if (!changes.has(powerLevelsKey)) return { ...next, state }
  const levels = changes.get(powerLevelsKey)?.pdu.content
  return { ...next, state, powerLevels: readPowerLevels(levels, room.createEvent, room.rules) }
}

function withMembers(room: Snapshot, changes: Moved['members'], census: Census): Snapshot {
  if (changes.size === 0) return room
  let { joinedCount, invitedCount, localJoinedCount } = room
  const local = new Map<UserId, Membership | undefined>()
  const servers = new Map(room.moved.servers)
  for (const [userId, after] of changes) {
    const was = membershipIn(entryIn(room, census, stateKeyOf('m.room.member', userId)))
    const is = membershipIn(after)
    const server = serverNameOf(userId)
    const isLocal = server === room.serverName
    if (isLocal) local.set(userId, is)
    invitedCount += Number(is === 'invite') - Number(was === 'invite')
    const more = Number(is === 'join') - Number(was === 'join')
    joinedCount += more
    if (isLocal) localJoinedCount += more
    else if (more !== 0) servers.set(server, (servers.get(server) ?? census.servers.get(server) ?? 0) + more)
  }
  return {
    ...room,
    ...{ joinedCount, invitedCount, localJoinedCount },
    localMembers: local.size === 0 ? room.localMembers : PersistentMap.of(room.localMembers).with(local),
    moved: { members: new Map([...room.moved.members, ...changes]), servers },
  }
}

/** The auth rules know no other values. */
export const membershipIn = (event: PduEvent | undefined) => event?.pdu.content.membership as Membership | undefined

export const toExtremity = (event: PduEvent, node: number, rules: RoomVersionRules): Extremity => ({
  eventId: event.eventId,
  depth: event.pdu.depth,
  node,
  reference: referenceTo(event, rules),
})

/** The event names exactly the extremities: the state before it is the current state. */
export function isOnTop(room: Snapshot, event: PduEvent): boolean {
  const named = new Set(prevEventIds(event.pdu))
  return named.size === room.extremities.length && room.extremities.every(({ eventId }) => named.has(eventId))
}
