/**
 * Gives an accepted, soft-failed or rejected event its place in a room: pure functions from a snapshot and what was
 * read for it to the next snapshot and a description of what is to be written (build-step.ts).
 */
import { isState, type PduEvent, type StateMap, stateKeyOf } from '../events/pdu.js'
import type { EventId, ServerName } from '../kernel/identifiers.js'
import type { StateNodeRow } from '../store/room-store.js'
import type { EventStatus } from '../store/writes.js'
import { type Ground, nextExtremities } from './extremities.js'
import { type AppliedRedaction, withoutWaiting, withWaiting } from './redactions.js'
import type { Extremity, Snapshot, StoredEvent, WaitingRedaction } from './room.js'
import { idsOf, type StateChanges, toExtremity, withState } from './snapshot.js'
import { type BuiltNode, changesBetween, extendNode, type NodeRef, nearestNode, type StateNode } from './state-nodes.js'

/** What is to be written of one event. */
export type Placed = {
  event: PduEvent
  /** Canonical JSON of the PDU. */
  json: string
  status: EventStatus
  reason?: string
  node: number
  /** State nodes that are new. */
  nodes: readonly StateNodeRow[]
  replaces?: EventId
  /** What changed in the current state, by state key; undefined where an entry went away. */
  stateChanges: StateChanges
  isLocal: boolean
  /** Made here just now: there can be no row of it yet, and a plain insert costs half of what an upsert does. */
  isNew?: boolean
  txn?: { sid: string; txnId: string }
  /** Servers that are to get it. */
  destinations: readonly ServerName[]
  /** An accepted redaction that is not shown. */
  isHidden?: boolean
  /** What it redacts. */
  redaction?: AppliedRedaction
  /** The target of a redaction that waits, and those given up for it. */
  waits?: { target: EventId; entry: WaitingRedaction; dropped: readonly [EventId, EventId][] }
  /** Redactions have waited for it; one of them applies (the event is in its redacted form) and is shown from now on. */
  awaited?: { by: StoredEvent | undefined; waited: readonly WaitingRedaction[] }
  /** Of a soft-failed or rejected event: what it stands on. */
  behind?: readonly EventId[]
  /** Events that it stands on and that are not here. */
  absent?: readonly EventId[]
  /** An accepted event named it before it came. */
  wasAbsent?: boolean
  /** Event that it relates to, as the first one to do so. */
  relatesTo?: EventId
  /** What relates to it came before it. */
  isRelated?: boolean
}

export type Placement = { next: Snapshot; placed: Placed }

/** What decides how an accepted event is shown, besides its state. */
export type Origin = Pick<
  Placed,
  'isLocal' | 'isNew' | 'txn' | 'destinations' | 'isHidden' | 'redaction' | 'awaited' | 'relatesTo' | 'isRelated'
> & { waits?: { target: EventId; entry: WaitingRedaction } }

const noChanges: StateChanges = new Map()

/** For an event whose state before is the current state: what this server sends, and most of what it receives. */
export function placeOnTop(room: Snapshot, event: PduEvent, json: string, origin: Origin): Placement {
  const { pdu } = event
  if (!isState(pdu)) {
    const next = { ...room, extremities: [toExtremity(event, room.node, room.rules)] }
    const placed = { event, json, status: 'accepted' as const, node: room.node, nodes: [], stateChanges: noChanges }
    return withOrigin(next, placed, origin)
  }
  const key = stateKeyOf(pdu.type, pdu.state_key ?? '')
  const replaces = room.state.get(key)?.eventId
  const changed = withState(room, new Map([[key, event]]))
  const parent = room.nextNode === 0 ? undefined : { ...nodeOf(room), size: room.state.size }
  const node = extendNode(room.nextNode, parent, new Map([[key, event.eventId]]), () => idsOf(changed))
  const next = { ...withNode(changed, node), extremities: [toExtremity(event, node.n, room.rules)] }
  const placed = { event, json, status: 'accepted' as const, node: node.n, nodes: [node.row] }
  return withOrigin(
    next,
    { ...placed, ...(replaces ? { replaces } : {}), stateChanges: new Map([[key, event]]) },
    origin,
  )
}

/** The snapshot and the description with what else an accepted event brings. */
function withOrigin(
  room: Snapshot,
  placed: Omit<Placed, 'isLocal' | 'destinations'>,
  { waits, redaction, ...origin }: Origin,
): Placement {
  let next = origin.awaited ? withoutWaiting(room, placed.event.eventId) : room
  let all: Placed = { ...placed, ...origin }
  if (redaction) {
    const key = redaction.redacted.pdu.state_key === undefined ? undefined : keyOf(redaction.redacted)
    const isCurrent = key !== undefined && next.state.get(key)?.eventId === redaction.redacted.eventId
    if (isCurrent) next = withState(next, new Map([[key, redaction.redacted]]))
    all = { ...all, redaction: isCurrent ? { ...redaction, stateKey: key } : redaction }
  }
  if (!waits) return { next, placed: all }
  const { next: waiting, dropped } = withWaiting(next, waits.target, waits.entry)
  return { next: waiting, placed: { ...all, waits: { ...waits, dropped } } }
}

const keyOf = ({ pdu }: PduEvent) => stateKeyOf(pdu.type, pdu.state_key ?? '')

export const nodeOf = (room: Snapshot): NodeRef => ({
  n: room.node,
  fullAt: room.nodeFullAt,
  weight: room.nodeWeight,
})

/** The node as that of the current state. */
export const withNode = (room: Snapshot, { n, fullAt, weight }: NodeRef): Snapshot => ({
  ...room,
  node: n,
  nodeFullAt: fullAt,
  nodeWeight: weight,
  nextNode: Math.max(room.nextNode, n + 1),
})

/** An event's own state: the one before it, and itself where it is a state event that is allowed. */
export type OwnState = { state: StateMap; node: BuiltNode }

/**
 * @param parents nodes that may say what the state before is, or something near it
 */
export function ownStateOf(
  room: Snapshot,
  event: PduEvent,
  before: StateMap,
  parents: readonly StateNode[],
  isAllowed: boolean,
): OwnState {
  const state = isState(event.pdu) && isAllowed ? new Map(before).set(keyOf(event), event.eventId) : before
  return { state, node: nearestNode(room.nextNode, parents, state) }
}

/** The state over the new extremities. */
export type Merged = {
  state: StateMap
  /** The events of its entries that the current state does not have. */
  events: ReadonlyMap<EventId, PduEvent>
  /** The nodes it was resolved from. */
  parents: readonly StateNode[]
}

export type Aside = {
  status: EventStatus
  reason?: string
  own: OwnState
  ground: Ground
  /** An accepted event named it before it came. */
  isNamed: boolean
  extremities: readonly Extremity[]
  /** Absent where the extremities stay as they are. */
  merged: Merged | undefined
}

/** The extremities once the event has its place aside of the current state. */
export const extremitiesWith = (
  room: Snapshot,
  event: PduEvent,
  { status, own, ground, isNamed }: Pick<Aside, 'status' | 'own' | 'ground' | 'isNamed'>,
): readonly Extremity[] => {
  const end = status === 'accepted' ? toExtremity(event, own.node.n, room.rules) : undefined
  return nextExtremities(room.extremities, end, ground, isNamed)
}

/** For an event that forks from the current state, or is not accepted: its own state is kept, and the current one moves. */
export function placeAside(room: Snapshot, event: PduEvent, json: string, aside: Aside, origin: Origin): Placement {
  const { status, reason, own, ground, isNamed, merged } = aside
  const withOwn: Snapshot = {
    ...room,
    nextNode: Math.max(room.nextNode, own.node.n + 1),
    extremities: aside.extremities,
  }
  const moved = merged ? moveState(withOwn, event, merged, own) : { next: withOwn, changes: noChanges, node: undefined }
  const key = isState(event.pdu) ? keyOf(event) : undefined
  const replaces = key === undefined ? undefined : room.state.get(key)?.eventId
  const placed = {
    event,
    json,
    status,
    ...(reason === undefined ? {} : { reason }),
    node: own.node.n,
    nodes: [own.node.row, moved.node?.row].filter((row) => row !== undefined),
    stateChanges: moved.changes,
    // Of what the room held for current, so that who asks what held before finds the way back.
    ...(replaces && key !== undefined && moved.changes.get(key) === event ? { replaces } : {}),
    // An event that is named by an accepted one, or is one, is no news to who comes later.
    ...(status === 'accepted' || isNamed ? { absent: ground.absent } : {}),
    ...(status === 'accepted' ? {} : { behind: [...ground.taken] }),
    wasAbsent: isNamed,
  }
  if (status === 'accepted') return withOrigin(moved.next, placed, origin)
  return { next: moved.next, placed: { ...placed, isLocal: false, destinations: [] } }
}

function moveState(room: Snapshot, event: PduEvent, merged: Merged, own: OwnState) {
  const current = idsOf(room)
  const ids = changesBetween(current, merged.state)
  const changes = new Map<string, PduEvent | undefined>()
  for (const [key, id] of ids) {
    const entry = id === undefined ? undefined : id === event.eventId ? event : merged.events.get(id)
    if (id === undefined || entry) changes.set(key, entry)
  }
  const candidates = [{ ...nodeOf(room), state: current }, { ...own.node, state: own.state }, ...merged.parents]
  const node = nearestNode(room.nextNode, candidates, merged.state)
  const isKnown = node.n < room.nextNode
  return { next: withNode(withState(room, changes), node), changes, node: isKnown ? undefined : node }
}
