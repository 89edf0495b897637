/**
 * Moves a room in memory on by one accepted event and says what is to be written for it.
 *
 * Runs under the room's lock, after the auth rules. The room in memory is then ahead of the disk until the
 * commit; when that fails the room is dropped and read afresh (commit-events.ts).
 */
import { isState, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { readPowerLevels } from '../events/power-levels.js'
import type { EventId, ServerName } from '../kernel/identifiers.js'
import type { StateNodeRow } from '../store/room-store.js'
import type { EventStatus } from '../store/writes.js'
import type { AppliedRedaction } from './apply-redaction.js'
import { referenceTo } from './build-event.js'
import { countMember } from './load-room.js'
import type { Extremity, Room } from './room.js'
import { buildStateNode } from './state-nodes.js'

export type Placed = {
  event: PduEvent
  /** Canonical JSON of the PDU. */
  json: string
  status: EventStatus
  reason?: string
  /** Absent for outliers. */
  node?: number
  newNode?: StateNodeRow
  /** The node of the current state, where it had to be resolved and is not the event's own. */
  currentNode?: StateNodeRow
  replaces?: EventId
  /** What changed in the current state, by state key; undefined where an entry went away. */
  stateChanges: ReadonlyMap<string, PduEvent | undefined>
  isLocal: boolean
  /** Made here just now: there can be no row of it yet, and a plain insert costs half of what an upsert does. */
  isNew?: boolean
  txn?: { sid: string; txnId: string }
  /** Servers that are to get it. */
  destinations: ServerName[]
  redaction?: AppliedRedaction
  /** Target of a redaction that is not here yet. */
  awaitedTarget?: EventId
  /** The room's row once this event counts. */
  roomFields: { extremities: EventId[]; state_node: number; next_node: number }
}

export type Origin = Pick<Placed, 'isLocal' | 'isNew' | 'txn' | 'destinations' | 'redaction' | 'awaitedTarget'>

const noChanges: ReadonlyMap<string, PduEvent | undefined> = new Map()

/** For an event whose state before is the current state: what this server sends, and most of what it receives. */
export function placeOnTop(room: Room, event: PduEvent, json: string, origin: Origin): Placed {
  const { pdu } = event
  if (origin.redaction?.stateKey) setStateEntry(room, origin.redaction.stateKey, origin.redaction.redacted)
  if (!isState(pdu)) {
    setExtremities(room, event, room.node)
    return {
      event,
      json,
      status: 'accepted',
      node: room.node,
      stateChanges: noChanges,
      ...origin,
      roomFields: fieldsOf(room),
    }
  }
  const key = stateKeyOf(pdu.type, pdu.state_key ?? '')
  const replaces = room.state.get(key)?.eventId
  const parent = room.nextNode === 0 ? undefined : { n: room.node, fullAt: room.nodeFullAt, size: room.state.size }
  setStateEntry(room, key, event)
  const newNode = buildStateNode(room.nextNode, parent, new Map([[key, event.eventId]]), () => idsOf(room))
  takeNode(room, newNode)
  setExtremities(room, event, newNode.n)
  return {
    event,
    json,
    status: 'accepted',
    node: newNode.n,
    newNode,
    replaces,
    stateChanges: new Map([[key, event]]),
    ...origin,
    roomFields: fieldsOf(room),
  }
}

/** The current state as event IDs. */
export const idsOf = (room: Pick<Room, 'state'>): Map<string, EventId> =>
  new Map([...room.state].map(([key, { eventId }]) => [key, eventId]))

export function takeNode(room: Room, { n, full_at }: StateNodeRow): void {
  room.node = n
  room.nodeFullAt = full_at
  room.nextNode = Math.max(room.nextNode, n + 1)
}

/** Sets or removes one entry of the current state and what is derived from it. */
export function setStateEntry(room: Room, key: string, event: PduEvent | undefined): void {
  countMember(room, room.state.get(key), event)
  if (event) room.state.set(key, event)
  else room.state.delete(key)
  if (key === powerLevelsKey) room.powerLevels = readPowerLevels(event?.pdu.content, room.createEvent, room.rules)
}
const powerLevelsKey = stateKeyOf('m.room.power_levels', '')

/** The event takes the place of the extremities that it names. */
export function setExtremities(room: Room, event: PduEvent, node: number): void {
  const named = new Set(
    event.pdu.prev_events.map((reference) => (typeof reference === 'string' ? reference : reference[0])),
  )
  const own: Extremity = {
    eventId: event.eventId,
    depth: event.pdu.depth,
    node,
    reference: referenceTo(event, room.rules),
  }
  room.extremities = [...room.extremities.filter(({ eventId }) => !named.has(eventId)), own]
}

export const fieldsOf = (room: Room): Placed['roomFields'] => ({
  extremities: room.extremities.map(({ eventId }) => eventId),
  state_node: room.node,
  next_node: room.nextNode,
})
