/** Reads a room from the database into memory: a few reads and about forty rows, whatever its history and its size. */

import { type Pdu, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { parseSpelled } from '../kernel/spelled-numbers.js'
import { readEventRows, readTimelineRows, readWaitingRedactions, type WaitingRow } from '../store/event-store.js'
import { readMembersOfServer } from '../store/member-store.js'
import type { Reader } from '../store/reader.js'
import { readCurrentState, readRoomRow } from '../store/room-store.js'
import { readSegments } from '../store/segment-store.js'
import type { Membership, Room, TimelineEvent, WaitingRedaction } from './room.js'
import type { Segment } from './segments.js'
import { makeEmptySnapshot, nobody, toExtremity, withState } from './snapshot.js'
import { toStoredEvent } from './stored-event.js'

/** A first page of a timeline, and what a look at whether there is more takes; more are kept as they come. */
const loadedEvents = 22

/** Undefined for a room that is not known, or of which only its create event's outlier is. */
export async function loadRoom(db: Reader, roomId: RoomId, serverName: ServerName): Promise<Room | undefined> {
  const row = await readRoomRow(db, roomId)
  const rules = row && roomVersionRules(row.version)
  if (!row || !rules) return undefined
  const [stateRows, extremityRows, recentRows, segmentRows, waiting, localRows] = await Promise.all([
    readCurrentState(db, roomId, row.state_generation),
    readEventRows(db, row.extremities),
    readTimelineRows(db, roomId, Math.max(row.min_seq, row.max_seq - loadedEvents + 1), row.max_seq),
    readSegments(db, roomId),
    readWaitingRedactions(db, roomId),
    readMembersOfServer(db, { roomId, stateGeneration: row.state_generation }, serverName),
  ])
  const state = new Map<string, PduEvent>()
  for (const { event_id, pdu } of stateRows) {
    const event: PduEvent = { eventId: event_id, roomId, pdu: parseSpelled(pdu) as Pdu }
    state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
  }
  const createEvent = state.get(stateKeyOf('m.room.create', ''))
  if (!createEvent) throw new Error(`room ${roomId} is stored without its create event`)
  const localMembers = new Map(localRows.map(({ user_id, membership }) => [user_id, membership as Membership]))
  return {
    ...withState(makeEmptySnapshot(createEvent, rules, serverName), state, nobody),
    stateSize: row.state_size,
    localMembers: PersistentMap.of(localMembers),
    joinedCount: row.joined_count,
    invitedCount: row.invited_count,
    localJoinedCount: localRows.filter(({ membership }) => membership === 'join').length,
    extremities: extremityRows.map((each) => toExtremity(toStoredEvent(each), each.node ?? 0, rules)),
    node: row.state_node,
    nodeWeight: row.state_weight,
    nextNode: row.next_node,
    stateGeneration: row.state_generation,
    historyComplete: row.history_complete,
    partialState: row.partial_state,
    waiting: waitingByTarget(waiting),
    maxSeq: row.max_seq,
    minSeq: row.min_seq,
    segments: segmentRows.map(({ high, ...segment }): Segment => ({ ...segment, high })),
    lastPosition: row.last_position,
    movedPosition: row.moved_position ?? 0,
    recent: recentRows.map((recentRow) => toStoredEvent(recentRow) as TimelineEvent), // rows of the timeline have their place
  }
}

function waitingByTarget(rows: readonly WaitingRow[]): Room['waiting'] {
  const waiting = new Map<EventId, WaitingRedaction[]>()
  for (const { target, redaction, sender, is_sure: isSure, ts } of rows)
    waiting.set(target, [...(waiting.get(target) ?? []), { eventId: redaction, sender, isSure, ts }])
  for (const entries of waiting.values()) entries.sort((a, b) => a.ts - b.ts)
  return PersistentMap.of(waiting)
}
