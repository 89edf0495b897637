/**
 * Makes placed events durable: describes their writes, hands them to the commit queue as one unit, and
 * moves the rest of the room in memory on once they are.
 *
 * The unit may be built more than once (positions are given out at each attempt) and fails at once where the
 * room has been dropped meanwhile: what it was built on never became durable.
 */
import { isJsonObject, type PduEvent, parseStateMapKey } from '../events/pdu.js'
import { type EventId, parseEventId, type RoomId, type ServerName, type UserId } from '../kernel/identifiers.js'
import { insertEvent, insertRelation, insertTimelineRow, setEvent, setPendingRedaction } from '../store/event-store.js'
import { insertMembershipChange, setMembership } from '../store/membership-store.js'
import { deleteStateEntry, insertStateNode, type RoomRow, setRoom, setStateEntry } from '../store/room-store.js'
import { insertStateMove } from '../store/state-move-store.js'
import type { BuiltUnit, Change, Grant, RoomSeq, StreamPosition, Write } from '../store/writes.js'
import { addRedaction } from './apply-redaction.js'
import { recentEvents } from './load-room.js'
import type { Placed } from './place-event.js'
import type { Membership, Room, RoomMembership, StoredEvent, TimelineEvent } from './room.js'
import type { RoomsForWriting } from './rooms.js'

/** The room moved on without the commit that this was built on; build it again on the room as it is. */
export class StaleRoomError extends Error {
  constructor(roomId: RoomId) {
    super(`${roomId} was read afresh while an event was on its way`)
    this.name = 'StaleRoomError'
  }
}

export type OutboxWrites = (
  destinations: readonly ServerName[],
  position: StreamPosition,
  eventId: EventId,
  roomId: RoomId,
) => Write[]

export type CommitExtras = {
  writes?: Write[]
  /** Further members of the room's row, for a room that is new or was joined afresh. */
  room?: Partial<RoomRow>
}

export type CommitEvents = (room: Room, placed: readonly Placed[], extras?: CommitExtras) => Promise<void>

export function makeCommitEvents(rooms: RoomsForWriting, outboxWrites: OutboxWrites): CommitEvents {
  async function commit(room: Room, placed: readonly Placed[], extras: CommitExtras): Promise<void> {
    const { epoch } = room
    const unpin = rooms.pin(room)
    try {
      await rooms.db.commit((grant) => {
        if (room.epoch !== epoch) throw new StaleRoomError(room.roomId)
        return buildUnit(rooms, room, placed, extras, grant, outboxWrites)
      })
      for (const one of placed) if (one.status !== 'accepted') rooms.rememberEvent(toStored(one))
    } catch (error) {
      if (room.epoch === epoch) rooms.drop(room)
      throw error
    } finally {
      unpin()
    }
  }
  return (room, placed, extras = {}) => {
    const durable = commit(room, placed, extras)
    rooms.fly(placed.map(toStored), durable)
    return durable
  }
}

const toStored = ({ event, status, reason, node, replaces }: Placed): StoredEvent => ({
  ...event,
  rejected: status === 'rejected',
  status,
  reason,
  node,
  replaces,
})

function buildUnit(
  rooms: RoomsForWriting,
  room: Room,
  placed: readonly Placed[],
  extras: CommitExtras,
  grant: Grant,
  outboxWrites: OutboxWrites,
): BuiltUnit<undefined> {
  const unit: BuiltUnit<undefined> = { writes: [...(extras.writes ?? [])], changes: [], result: undefined }
  const bounds: Partial<RoomRow> = {}
  for (const one of placed) {
    if (one.status === 'accepted') addAccepted(rooms, room, one, grant, unit, bounds, outboxWrites)
    else unit.writes.push(setEvent(one.event.eventId, eventColumns(one)))
    if (one.newNode) unit.writes.push(insertStateNode(room.roomId, one.newNode))
    if (one.currentNode) unit.writes.push(insertStateNode(room.roomId, one.currentNode))
  }
  const last = placed.at(-1)
  if (last) unit.writes.push(setRoom(room.roomId, { ...last.roomFields, ...bounds, ...extras.room }))
  return unit
}

function eventColumns({ event, json, status, reason, node, replaces }: Placed) {
  const { pdu } = event
  return {
    room_id: event.roomId,
    sender: pdu.sender,
    type: pdu.type,
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    depth: pdu.depth,
    origin_server_ts: pdu.origin_server_ts,
    status,
    pdu: json,
    ...(reason === undefined ? {} : { reason }),
    ...(node === undefined ? {} : { node }),
    ...(replaces === undefined ? {} : { replaces }),
  }
}

function addAccepted(
  rooms: RoomsForWriting,
  room: Room,
  placed: Placed,
  grant: Grant,
  unit: BuiltUnit<undefined>,
  bounds: Partial<RoomRow>,
  outboxWrites: OutboxWrites,
): void {
  const { event, stateChanges } = placed
  const { roomId } = room
  const position = grant.position()
  const seq = grant.seq(roomId)
  unit.writes.push(
    (placed.isNew ? insertEvent : setEvent)(event.eventId, { ...eventColumns(placed), seq, position }),
    insertTimelineRow(roomId, seq, event.eventId, position),
    ...outboxWrites(placed.destinations, position, event.eventId, roomId),
    ...relationWrites(event, seq),
  )
  const isCurrentState = [...stateChanges.values()].includes(event)
  const change: Change & { kind: 'event' } = {
    kind: 'event',
    position,
    roomId,
    eventId: event.eventId,
    seq,
    pdu: event.pdu,
    sender: event.pdu.sender,
    type: event.pdu.type,
    ...(event.pdu.state_key === undefined ? {} : { stateKey: event.pdu.state_key }),
    isCurrentState,
    historical: false,
    ...(placed.txn ? { txn: placed.txn } : {}),
    isLocal: placed.isLocal,
    destinations: placed.destinations,
  }
  unit.changes.push(change)
  const members = addStateChanges(room.roomId, placed, unit, position, seq)
  const moved = () => {
    moveOn(rooms, room, placed, seq, position)
    for (const [userId, membership] of members) rooms.setMembershipInMemory(userId, membership)
  }
  rooms.whenDurable(change, moved)
  const keys = [...stateChanges].flatMap(([key, entry]) => (entry === event ? [] : [key]))
  if (keys.length > 0) {
    const movedAt = grant.position()
    const move: Change = { kind: 'state', position: movedAt, roomId, keys: [...stateChanges.keys()] }
    unit.changes.push(move)
    unit.writes.push(insertStateMove(roomId, movedAt, keys))
    bounds.moved_position = movedAt
    rooms.whenDurable(move, () => {
      room.movedPosition = movedAt
    })
  }
  const { redaction, awaitedTarget } = placed
  if (awaitedTarget) {
    unit.writes.push(setPendingRedaction(roomId, awaitedTarget, event.eventId))
    rooms.whenDurable(change, () => {
      moved()
      rooms.awaitTarget(awaitedTarget)
    })
  }
  if (redaction) addRedaction(rooms, room, redaction, grant, unit)
  bounds.max_seq = seq
  bounds.last_position = position
}

/** @returns the memberships that change, for the memory */
function addStateChanges(
  roomId: RoomId,
  { event, json, stateChanges }: Placed,
  unit: BuiltUnit<undefined>,
  position: StreamPosition,
  seq: RoomSeq,
): [UserId, RoomMembership][] {
  const members: [UserId, RoomMembership][] = []
  for (const [key, entry] of stateChanges) {
    const [type, stateKey] = parseStateMapKey(key)
    if (entry) {
      const pdu = entry === event ? json : JSON.stringify(entry.pdu)
      unit.writes.push(
        setStateEntry(roomId, type, stateKey, { event_id: entry.eventId, sender: entry.pdu.sender, position, pdu }),
      )
    } else unit.writes.push(deleteStateEntry(roomId, type, stateKey))
    if (type !== 'm.room.member') continue
    const cause = entry ?? event
    const membership = (entry ? String(entry.pdu.content.membership) : 'leave') as Membership // the auth rules know no other
    const row: RoomMembership = {
      roomId,
      membership,
      eventId: cause.eventId,
      sender: cause.pdu.sender,
      position,
      seq,
      forgotten: false,
    }
    members.push([stateKey as UserId, row])
    unit.writes.push(...membershipWrites(stateKey as UserId, row, seq))
  }
  return members
}

/** The member's row now, and the change in its history. */
export function membershipWrites(userId: UserId, row: RoomMembership, seq: RoomSeq): Write[] {
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

/** The row by which the event is found from the one it relates to. */
export function relationWrites(event: PduEvent, seq: RoomSeq): Write[] {
  const relation = event.pdu.content['m.relates_to']
  if (!isJsonObject(relation)) return []
  const parent = parseEventId(relation.event_id)
  const { rel_type: relType } = relation
  if (!parent || typeof relType !== 'string' || relType.length > 255) return []
  return [
    insertRelation(event.roomId, parent, relType, seq, {
      event_id: event.eventId,
      sender: event.pdu.sender,
      type: event.pdu.type,
    }),
  ]
}

function moveOn(rooms: RoomsForWriting, room: Room, placed: Placed, seq: RoomSeq, position: StreamPosition): void {
  const timelineEvent: TimelineEvent = {
    ...placed.event,
    seq,
    position,
    node: placed.node ?? room.node,
    ...(placed.replaces ? { replaces: placed.replaces } : {}),
    ...(placed.txn ? { txn: placed.txn } : {}),
  }
  rooms.rememberEvent({ ...timelineEvent, status: 'accepted' })
  room.recent.push(timelineEvent)
  if (room.recent.length > recentEvents) room.recent.shift()
  room.maxSeq = seq
  room.lastPosition = position
}
