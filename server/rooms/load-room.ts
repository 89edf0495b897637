/** Reads a room from the database into memory: three reads, whatever its size. */
import { type PduEvent, prevEventIds, stateKeyOf } from '../events/pdu.js'
import { readPowerLevels } from '../events/power-levels.js'
import { roomVersionRules } from '../events/room-versions.js'
import { type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { type ReadEventRow, readEventRows, readTimelineRows } from '../store/event-store.js'
import type { Reader } from '../store/reader.js'
import { readCurrentState, readRoomRow, readStateNodeChain } from '../store/room-store.js'
import type { RoomSeq } from '../store/writes.js'
import { referenceTo } from './build-event.js'
import type { Extremity, Membership, Room, TimelineEvent } from './room.js'
import { toStoredEvent } from './stored-event.js'

export const recentEvents = 64

/** Undefined for a room that is not known, or of which only its create event's outlier is. */
export async function loadRoom(db: Reader, roomId: RoomId, serverName: ServerName): Promise<Room | undefined> {
  const row = await readRoomRow(db, roomId)
  const rules = row && roomVersionRules(row.version)
  if (!row || !rules) return undefined
  const [stateRows, extremityRows, recentRows, chain] = await Promise.all([
    readCurrentState(db, roomId),
    readEventRows(db, row.extremities),
    readTimelineRows(db, roomId, Math.max(row.min_seq, row.max_seq - recentEvents + 1), row.max_seq),
    readStateNodeChain(db, roomId, row.state_node),
  ])
  const state = new Map<string, PduEvent>()
  for (const { event_id, pdu } of stateRows) {
    const event: PduEvent = { eventId: event_id, roomId, pdu: JSON.parse(pdu) }
    state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
  }
  const createEvent = state.get(stateKeyOf('m.room.create', ''))
  if (!createEvent) throw new Error(`room ${roomId} is stored without its create event`)
  const recent = recentRows.map((recentRow) => toStoredEvent(recentRow) as TimelineEvent)
  const room: Room = {
    roomId,
    version: row.version,
    rules,
    createEvent,
    epoch: 0,
    extremities: extremityRows.map((extremity) => toExtremity(extremity, rules)),
    node: row.state_node,
    nodeFullAt: chain.at(-1)?.full_at ?? row.state_node,
    nextNode: row.next_node,
    state,
    powerLevels: readPowerLevels(state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content, createEvent, rules),
    serverName,
    localMembers: new Map(),
    joinedCount: 0,
    invitedCount: 0,
    joined: new Set(),
    servers: new Map(),
    maxSeq: row.max_seq as RoomSeq,
    minSeq: row.min_seq as RoomSeq,
    lastPosition: row.last_position,
    movedPosition: row.moved_position ?? 0,
    historyComplete: row.history_complete,
    partialState: row.partial_state,
    recent,
  }
  for (const event of state.values()) countMember(room, undefined, event)
  return room
}

function toExtremity(row: ReadEventRow, rules: Room['rules']): Extremity {
  const event = toStoredEvent(row)
  return { eventId: event.eventId, depth: row.depth, node: row.node ?? 0, reference: referenceTo(event, rules) }
}

/** Keeps what is known of the members in step with one entry of the state. */
export function countMember(
  room: Pick<Room, 'joined' | 'servers' | 'localMembers' | 'joinedCount' | 'invitedCount' | 'serverName'>,
  before: PduEvent | undefined,
  after: PduEvent | undefined,
): void {
  const pdu = (after ?? before)?.pdu
  if (pdu?.type !== 'm.room.member' || pdu.state_key === undefined) return
  const userId = pdu.state_key as UserId // the auth rules let no other state key through
  const membership = after?.pdu.content.membership as Membership | undefined // the auth rules know no other
  const server = serverNameOf(userId)
  if (server === room.serverName) {
    if (membership === undefined) room.localMembers.delete(userId)
    else room.localMembers.set(userId, membership)
  }
  const wasInvited = before?.pdu.content.membership === 'invite'
  room.invitedCount += Number(membership === 'invite') - Number(wasInvited)
  const isNowJoined = membership === 'join'
  if (isNowJoined === room.joined.has(userId)) return
  room.joinedCount += isNowJoined ? 1 : -1
  const count = (room.servers.get(server) ?? 0) + (isNowJoined ? 1 : -1)
  if (count > 0) room.servers.set(server, count)
  else room.servers.delete(server)
  if (isNowJoined) room.joined.add(userId)
  else room.joined.delete(userId)
}

/** True where the event has no history behind it that this server lacks. */
export const beginsHistory = (event: PduEvent): boolean => prevEventIds(event.pdu).length === 0
