/**
 * Describes what is to be written of a placed event, as a step of its room's next commit, and what of the memory
 * moves on with it.
 */

import { canonicalJson } from '../events/canonical-json.js'
import { type PduEvent, parseStateMapKey } from '../events/pdu.js'
import { relationOf } from '../events/relations.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import { stringifySpelled } from '../kernel/spelled-numbers.js'
import { insertAppserviceRow } from '../store/appservice-store.js'
import {
  changeEvent,
  deleteAbsentEvent,
  deleteWaitingRedaction,
  type EventBody,
  insertWaitingRedaction,
  placeEvent,
  setAbsentEvent,
  setEvent,
} from '../store/event-store.js'
import { deleteMember, setMember, setServerCount } from '../store/member-store.js'
import { insertMembershipChange, setMembership } from '../store/membership-store.js'
import { deleteRelation, insertRelation } from '../store/relation-store.js'
import { deleteStateEntry, insertStateNode, type StateOwner, setStateEntry } from '../store/room-store.js'
import { setSegment } from '../store/segment-store.js'
import { insertStateMove } from '../store/state-move-store.js'
import type { Change, Grant, RoomSeq, StreamPosition, Write } from '../store/writes.js'
import type { Placed } from './place-event.js'
import type { AppliedRedaction } from './redactions.js'
import type { Membership, RoomMembership, Snapshot, StoredEvent, Timeline, TimelineEvent } from './room.js'
import { leastSeq, type Segment, withNews } from './segments.js'
import { withSegments } from './snapshot.js'
import type { BuiltStep, Step } from './write-room.js'

export const recentEvents = 64

export type OutboxWrites = (
  destinations: readonly ServerName[],
  position: StreamPosition,
  eventId: EventId,
  roomId: RoomId,
) => Write[]

/** IDs of the application services that are told of an event. */
export type InterestedIn = (room: Snapshot, event: PduEvent) => readonly string[]

export type StepNeeds = {
  outboxWrites: OutboxWrites
  interestedIn: InterestedIn
  /** Keeps the event in memory as it is now; `bytes` is about what it takes. */
  rememberEvent(event: StoredEvent, bytes: number): void
  /** Forgets the event that replaced this one in the state: it is read again as another object. */
  forgetReplacing(eventId: EventId): void
  /** Notes that something relates to the event. */
  noteRelated(eventId: EventId): void
  setMembershipInMemory(userId: UserId, row: RoomMembership): void
}

/**
 * @param room  the room with the event
 * @param extra further writes of the same commit
 */
export type BuildStep = (room: Snapshot, placed: Placed, extra?: readonly Write[]) => Step

type Draft = BuiltStep & { remembers: (() => void)[] }

export function makeBuildStep(needs: StepNeeds): BuildStep {
  return (room, placed, extra = []) =>
    (grant, timeline) => {
      const { roomId } = room
      const draft: Draft = { writes: [...extra], changes: [], timeline, remembers: [] }
      for (const node of placed.nodes) draft.writes.push(insertStateNode(roomId, node))
      for (const [server, joined] of room.moved.servers) draft.writes.push(setServerCount(room, server, joined))
      for (const eventId of placed.absent ?? []) draft.writes.push(setAbsentEvent(roomId, eventId))
      if (placed.wasAbsent) draft.writes.push(deleteAbsentEvent(roomId, placed.event.eventId))
      if (placed.status === 'accepted') addAccepted(needs, room, placed, grant, draft)
      else addAside(needs, room, placed, grant, draft)
      return draft
    }
}

const bodyOf = ({ json, node, replaces, awaited, isRelated }: Placed): EventBody => ({
  pdu: json,
  node,
  ...(replaces === undefined ? {} : { replaces }),
  ...(awaited?.by ? { redacted_by: awaited.by.eventId } : {}),
  ...(isRelated ? { related: true } : {}),
})

/** The row of an event that gets no place. */
function setPlaceless(placed: Placed): Write {
  const { event, status, reason, behind } = placed
  return setEvent(event.eventId, {
    ...bodyOf(placed),
    room_id: event.roomId,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(behind === undefined ? {} : { behind }),
  })
}

const toStored = ({ event, status, reason, node, replaces, behind, awaited, isRelated }: Placed): StoredEvent => ({
  ...event,
  rejected: status === 'rejected',
  status,
  node,
  ...(reason === undefined ? {} : { reason }),
  ...(replaces === undefined ? {} : { replaces }),
  ...(behind === undefined ? {} : { behind }),
  ...(awaited?.by ? { redactedBy: awaited.by.eventId } : {}),
  ...(isRelated ? { related: true } : {}),
})

/** A soft-failed or rejected event is kept, and shown to nobody; the ends of the room may move by it all the same. */
function addAside(needs: StepNeeds, room: Snapshot, placed: Placed, grant: Grant, draft: Draft): void {
  draft.writes.push(setPlaceless(placed))
  draft.remembers.push(() => needs.rememberEvent(toStored(placed), placed.json.length))
  if (placed.stateChanges.size === 0) return
  const position = grant.position()
  addStateMove(needs, room, placed, position, draft)
}

function addAccepted(needs: StepNeeds, room: Snapshot, placed: Placed, grant: Grant, draft: Draft): void {
  const { roomId } = room
  const { event, stateChanges } = placed
  if (placed.waits) addWaiting(roomId, placed.waits, event, draft)
  if (placed.isHidden) {
    draft.writes.push(setPlaceless(placed))
    draft.remembers.push(() => needs.rememberEvent(toStored(placed), placed.json.length))
    if (placed.absent?.length) addHole(room, placed, grant, draft)
    if (stateChanges.size > 0) addStateMove(needs, room, placed, grant.position(), draft)
    if (placed.awaited) addAwaited(needs, room, placed.awaited, event.eventId, grant, draft)
    return
  }
  const { absent = [] } = placed
  const { depth } = event.pdu
  const position = grant.position()
  const seq = grant.seq(roomId, leastSeq(draft.timeline, depth, absent))
  draft.writes.push(
    ...placeEvent(event.eventId, { roomId, seq, position }, bodyOf(placed), placed.isNew),
    ...needs.outboxWrites(placed.destinations, position, event.eventId, roomId),
  )
  const appservices = needs.interestedIn(room, event)
  for (const id of appservices)
    draft.writes.push(insertAppserviceRow(id, { position, event_id: event.eventId, room_id: roomId }))
  const isCurrentState = [...stateChanges.values()].includes(event)
  setSegments(roomId, withNews(draft.timeline, { seq, depth, position, absent }), draft)
  addToTimeline(
    needs,
    toStored(placed),
    { seq, position, bytes: placed.json.length, placed, appservices, isCurrentState },
    draft,
  )
  const moved = [...stateChanges].some(([, entry]) => entry !== event)
  addStateChanges(needs, room, placed, draft, position, seq)
  if (moved) {
    const movedAt = grant.position()
    addMoveChange(roomId, placed, movedAt, draft)
  }
  if (placed.relatesTo) addParent(needs, placed.relatesTo, draft)
  if (placed.redaction) addRedaction(needs, room, placed.redaction, grant, draft)
  if (placed.awaited) addAwaited(needs, room, placed.awaited, event.eventId, grant, draft)
}

/** Something relates to the event from now on. */
export function addParent(needs: Pick<StepNeeds, 'noteRelated'>, parent: EventId, draft: Draft): void {
  draft.writes.push(changeEvent(parent, { related: true }))
  draft.remembers.push(() => needs.noteRelated(parent))
  const { timeline } = draft
  const recent = timeline.recent.map((event) => (event.eventId === parent ? { ...event, related: true } : event))
  draft.timeline = { ...timeline, recent }
}

/** An event that is not shown stands on what is not here: the hole is there all the same, and what comes next is above it. */
function addHole({ roomId }: Snapshot, { event, absent = [] }: Placed, grant: Grant, draft: Draft): void {
  const { depth } = event.pdu
  const { timeline } = draft
  const position = grant.position()
  const least = leastSeq(timeline, depth, absent)
  if (least > timeline.maxSeq + 1) draft.timeline = { ...timeline, maxSeq: grant.seq(roomId, least), recent: [] }
  const seq = draft.timeline.maxSeq + 1
  setSegments(roomId, withNews(timeline, { seq, depth, position, absent }), draft)
}

function setSegments(roomId: RoomId, segments: readonly Segment[], draft: Draft): void {
  const before = new Set(draft.timeline.segments)
  for (const segment of segments) if (!before.has(segment)) draft.writes.push(setSegment(roomId, segment))
  draft.timeline = withSegments(draft.timeline, segments)
}

type Place = {
  seq: RoomSeq
  position: StreamPosition
  bytes: number
  isCurrentState: boolean
  placed?: Pick<Placed, 'txn' | 'isLocal' | 'destinations'>
  appservices?: readonly string[]
}

/** The event's place in the timeline, in the rows, in memory and for who listens. */
function addToTimeline(needs: StepNeeds, event: StoredEvent, place: Place, draft: Draft): void {
  const { seq, position, placed } = place
  const { roomId, eventId, pdu } = event
  draft.writes.push(...relationWrites(event, seq))
  draft.changes.push({
    kind: 'event',
    position,
    roomId,
    eventId,
    seq,
    pdu,
    sender: pdu.sender,
    type: pdu.type,
    ...(pdu.state_key === undefined ? {} : { stateKey: pdu.state_key }),
    isCurrentState: place.isCurrentState,
    historical: false,
    ...(placed?.txn ? { txn: placed.txn } : {}),
    isLocal: placed?.isLocal ?? false,
    destinations: placed?.destinations ?? [],
    ...(place.appservices?.length ? { appservices: place.appservices } : {}),
  })
  const shown = { ...event, seq, position, node: event.node ?? 0, ...(placed?.txn ? { txn: placed.txn } : {}) }
  draft.timeline = withRecent(draft.timeline, shown)
  draft.remembers.push(() => needs.rememberEvent({ ...shown, status: 'accepted' }, place.bytes))
}

function withRecent(timeline: Timeline, event: TimelineEvent): Timeline {
  const { recent: before } = timeline
  const isDense = before.length === 0 || event.seq === timeline.maxSeq + 1
  const recent = isDense ? before.slice(1 - recentEvents) : []
  return { ...timeline, maxSeq: event.seq, lastPosition: event.position, recent: [...recent, event] }
}

function addWaiting(
  roomId: RoomId,
  { target, entry, dropped }: NonNullable<Placed['waits']>,
  { eventId }: PduEvent,
  draft: Draft,
): void {
  const { sender, isSure, ts } = entry
  draft.writes.push(
    insertWaitingRedaction(roomId, { target, redaction: eventId, sender, is_sure: isSure, ts }),
    ...dropped.map(([of, redaction]) => deleteWaitingRedaction(roomId, of, redaction)),
  )
}

/** The target is here: the redaction that has waited takes its place in the timeline, after it. */
function addAwaited(
  needs: StepNeeds,
  room: Snapshot,
  { by, waited }: NonNullable<Placed['awaited']>,
  target: EventId,
  grant: Grant,
  draft: Draft,
): void {
  const { roomId } = room
  for (const { eventId } of waited) draft.writes.push(deleteWaitingRedaction(roomId, target, eventId))
  if (!by || by.seq !== undefined) return
  const position = grant.position()
  const seq = grant.seq(roomId)
  const json = canonicalJson(by.pdu, { strict: room.rules.strictCanonicalJson })
  const body = { pdu: json, node: by.node, redacted_by: by.redactedBy, replaces: by.replaces }
  draft.writes.push(...placeEvent(by.eventId, { roomId, seq, position }, body))
  addToTimeline(needs, by, { seq, position, bytes: json.length, isCurrentState: false }, draft)
}

/** The current state moved otherwise than by an event of the timeline. */
function addStateMove(needs: StepNeeds, room: Snapshot, placed: Placed, position: StreamPosition, draft: Draft): void {
  addStateChanges(needs, room, placed, draft, position, draft.timeline.maxSeq)
  addMoveChange(room.roomId, placed, position, draft)
}

function addMoveChange(roomId: RoomId, { event, stateChanges }: Placed, position: StreamPosition, draft: Draft): void {
  const keys = [...stateChanges].flatMap(([key, entry]) => (entry === event ? [] : [key]))
  draft.changes.push({ kind: 'state', position, roomId, keys: [...stateChanges.keys()] })
  draft.writes.push(insertStateMove(roomId, position, keys))
  draft.timeline = { ...draft.timeline, movedPosition: position, lastPosition: position }
}

function addStateChanges(
  needs: StepNeeds,
  room: Snapshot,
  { event, json, stateChanges }: Placed,
  draft: Draft,
  position: StreamPosition,
  seq: RoomSeq,
): void {
  for (const [key, entry] of stateChanges) {
    const [type, stateKey] = parseStateMapKey(key)
    draft.writes.push(
      entry
        ? entryWrite(room, entry, position, entry === event ? json : stringifySpelled(entry.pdu))
        : type === 'm.room.member'
          ? deleteMember(room, stateKey as UserId)
          : deleteStateEntry(room, type, stateKey),
    )
    if (type !== 'm.room.member') continue
    const cause = entry ?? event
    const membership = (entry ? String(entry.pdu.content.membership) : 'leave') as Membership // the auth rules know no other
    const row: RoomMembership = {
      roomId: room.roomId,
      membership,
      eventId: cause.eventId,
      sender: cause.pdu.sender,
      position,
      seq,
      forgotten: false,
    }
    draft.remembers.push(() => needs.setMembershipInMemory(stateKey as UserId, row))
    draft.writes.push(...membershipWrites(stateKey as UserId, row, seq))
  }
}

/** The row of an entry of the current state. */
export function entryWrite(
  owner: StateOwner,
  { eventId, pdu }: PduEvent,
  position: StreamPosition,
  json: string,
): Write {
  const row = { event_id: eventId, sender: pdu.sender, position, pdu: json }
  const { type, state_key = '', content } = pdu
  return type === 'm.room.member'
    ? setMember(owner, state_key as UserId, { ...row, membership: String(content.membership) })
    : setStateEntry(owner, type, state_key, row)
}

/** The member's row now, and the change in its history. */
function membershipWrites(userId: UserId, row: RoomMembership, seq: RoomSeq): Write[] {
  const { roomId, membership, eventId, sender, position } = row
  return [
    setMembership(userId, {
      room_id: roomId,
      membership,
      event_id: eventId,
      sender,
      position,
      seq,
      forgotten: false,
      stripped: undefined,
    }),
    insertMembershipChange(roomId, userId, { membership, event_id: eventId, seq, position }),
  ]
}

/** The rows by which the event is found from the one it relates to. */
export function relationWrites(event: PduEvent, seq: RoomSeq): Write[] {
  const relation = relationOf(event.pdu)
  if (!relation) return []
  const { sender, type, origin_server_ts: ts } = event.pdu
  return insertRelation(event.roomId, relation.eventId, relation.relType, seq, {
    event_id: event.eventId,
    sender,
    type,
    ts,
  })
}

/** Writes an applied redaction and tells of it. */
export function addRedaction(
  needs: Pick<StepNeeds, 'rememberEvent' | 'forgetReplacing'>,
  room: Snapshot,
  { redacted, json, stateKey, relation }: AppliedRedaction,
  grant: Grant,
  draft: Draft,
): void {
  const { eventId, seq, redactedBy } = redacted
  draft.writes.push(changeEvent(eventId, { pdu: json, ...(redactedBy ? { redacted_by: redactedBy } : {}) }))
  draft.remembers.push(() => needs.rememberEvent(redacted, json.length))
  const position = grant.position()
  if (stateKey !== undefined) {
    draft.writes.push(entryWrite(room, redacted, position, json))
    draft.changes.push({ kind: 'state', position, roomId: room.roomId, keys: [stateKey] })
  }
  // What replaced it is shown with its content beside: whoever kept that must see that it is another now.
  const isReplaced = redacted.pdu.state_key !== undefined
  if (isReplaced) draft.remembers.push(() => needs.forgetReplacing(eventId))
  draft.timeline = {
    ...draft.timeline,
    lastPosition: position,
    recent: draft.timeline.recent.map((recent) => {
      if (recent.eventId === eventId) return { ...recent, pdu: redacted.pdu, ...(redactedBy ? { redactedBy } : {}) }
      return isReplaced && recent.replaces === eventId ? { ...recent } : recent
    }),
  }
  if (seq === undefined || !redactedBy) return
  if (relation) draft.writes.push(...deleteRelation(room.roomId, relation.eventId, relation.relType, seq))
  const relatedTo = relation ? { relatedTo: relation.eventId } : {}
  const change: Change = { kind: 'redaction', position, roomId: room.roomId, eventId, seq, redactedBy, ...relatedTo }
  draft.changes.push(change)
}
