/**
 * Snapshots of a room: pure functions from one to the next.
 *
 * Nothing here knows the database or what is under way; what they need to know is handed in.
 */
import { type PduEvent, prevEventIds, stateKeyOf } from '../events/pdu.js'
import { readPowerLevels } from '../events/power-levels.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { type EventId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import type { RoomSeq, StreamPosition } from '../store/writes.js'
import { referenceTo } from './build-event.js'
import type { Extremity, Membership, Snapshot, Timeline } from './room.js'
import type { Segment } from './segments.js'

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
    nodeFullAt: 0,
    nodeWeight: 0,
    nextNode: 0,
    stateGeneration: 0,
    state: PersistentMap.of(),
    powerLevels: readPowerLevels(undefined, createEvent, rules),
    localMembers: PersistentMap.of(),
    joinedCount: 0,
    invitedCount: 0,
    joined: PersistentMap.of(),
    servers: PersistentMap.of(),
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

/** The room with some entries of its state changed, and all that is derived from them. */
export function withState(room: Snapshot, changes: StateChanges): Snapshot {
  if (changes.size === 0) return room
  const members = countMembers(room, changes)
  const state = PersistentMap.of(room.state).with(changes)
  if (!changes.has(powerLevelsKey)) return { ...room, ...members, state }
  const levels = changes.get(powerLevelsKey)?.pdu.content
  return { ...room, ...members, state, powerLevels: readPowerLevels(levels, room.createEvent, room.rules) }
}

type Members = Pick<Snapshot, 'localMembers' | 'joinedCount' | 'invitedCount' | 'joined' | 'servers'>

function countMembers(room: Snapshot, changes: StateChanges): Members {
  let { joinedCount, invitedCount } = room
  const local = new Map<UserId, Membership | undefined>()
  const joined = new Map<UserId, true | undefined>()
  const servers = new Map<ServerName, number>()
  for (const [key, after] of changes) {
    const before = room.state.get(key)
    const pdu = (after ?? before)?.pdu
    if (pdu?.type !== 'm.room.member' || pdu.state_key === undefined) continue
    const userId = pdu.state_key as UserId // the auth rules let no other state key through
    const was = membershipIn(before)
    const is = membershipIn(after)
    const server = serverNameOf(userId)
    if (server === room.serverName) local.set(userId, is)
    invitedCount += Number(is === 'invite') - Number(was === 'invite')
    const more = Number(is === 'join') - Number(was === 'join')
    if (more === 0) continue
    joinedCount += more
    joined.set(userId, more > 0 ? true : undefined)
    servers.set(server, (servers.get(server) ?? room.servers.get(server) ?? 0) + more)
  }
  return {
    joinedCount,
    invitedCount,
    localMembers: local.size === 0 ? room.localMembers : PersistentMap.of(room.localMembers).with(local),
    joined: joined.size === 0 ? room.joined : PersistentMap.of(room.joined).with(joined),
    servers:
      servers.size === 0
        ? room.servers
        : PersistentMap.of(room.servers).with(
            [...servers].map(([server, count]) => [server, count > 0 ? count : undefined] as const),
          ),
  }
}

/** The auth rules know no other values. */
const membershipIn = (event: PduEvent | undefined) => event?.pdu.content.membership as Membership | undefined

/** The current state as event IDs. */
export const idsOf = (room: Pick<Snapshot, 'state'>): Map<string, EventId> => {
  const ids = new Map<string, EventId>()
  for (const [key, { eventId }] of room.state) ids.set(key, eventId)
  return ids
}

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
