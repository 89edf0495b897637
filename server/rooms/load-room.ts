/** Reads a room from the database into memory: a few reads, whatever its history. */
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import { PersistentMap } from '../kernel/persistent-map.js'
import { readEventRows, readTimelineRows, readWaitingRedactions, type WaitingRow } from '../store/event-store.js'
import type { Reader } from '../store/reader.js'
import { readCurrentState, readRoomRow, readStateNodeRow } from '../store/room-store.js'
import { readSegments } from '../store/segment-store.js'
import { recentEvents } from './build-step.js'
import type { Room, TimelineEvent, WaitingRedaction } from './room.js'
import type { Segment } from './segments.js'
import { makeEmptySnapshot, toExtremity, withState } from './snapshot.js'
import { toStoredEvent } from './stored-event.js'

/** Undefined for a room that is not known, or of which only its create event's outlier is. */
export async function loadRoom(db: Reader, roomId: RoomId, serverName: ServerName): Promise<Room | undefined> {
  const row = await readRoomRow(db, roomId)
  const rules = row && roomVersionRules(row.version)
  if (!row || !rules) return undefined
  const [stateRows, extremityRows, recentRows, segmentRows, node, waiting] = await Promise.all([
    readCurrentState(db, roomId, row.state_generation),
    readEventRows(db, row.extremities),
    readTimelineRows(db, roomId, Math.max(row.min_seq, row.max_seq - recentEvents + 1), row.max_seq),
    readSegments(db, roomId),
    readStateNodeRow(db, roomId, row.state_node),
    readWaitingRedactions(db, roomId),
  ])
  const state = new Map<string, PduEvent>()
  for (const { event_id, pdu } of stateRows) {
    const event: PduEvent = { eventId: event_id, roomId, pdu: JSON.parse(pdu) }
    state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
  }
  const createEvent = state.get(stateKeyOf('m.room.create', ''))
  if (!createEvent) throw new Error(`room ${roomId} is stored without its create event`)
  return {
    ...withState(makeEmptySnapshot(createEvent, rules, serverName), state),
    extremities: extremityRows.map((each) => toExtremity(toStoredEvent(each), each.node ?? 0, rules)),
    node: row.state_node,
    nodeFullAt: node?.full_at ?? row.state_node,
    nodeWeight: node?.weight ?? 0,
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
