/**
 * Gives an accepted, soft-failed or rejected event its place in a room: pure functions from a snapshot and what was
 * read for it to the next snapshot and a description of what is to be written (build-step.ts).
 */
import { isState, type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { EventId, ServerName } from '../kernel/identifiers.js'
import type { StateNodeRow } from '../store/room-store.js'
import type { EventStatus } from '../store/writes.js'
import { type Ground, nextExtremities } from './extremities.js'
import { type AppliedRedaction, withoutWaiting, withWaiting } from './redactions.js'
import type { Extremity, Snapshot, StoredEvent, WaitingRedaction } from './room.js'
import { type Census, entryIn, type StateChanges, toExtremity, withState } from './snapshot.js'
import {
  type BuiltNode,
  extendNode,
  type NodeView,
  nearestNode,
  noView,
  type Pair,
  type View,
  weightOf,
  withEntry,
} from './state-view.js'

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

/**
 * For an event whose state before is the current state: what this server sends, and most of what it receives.
 *
 * @param census of the users whose member events it changes: as its own state key, or as what it redacts
 */
export function placeOnTop(room: Snapshot, event: PduEvent, json: string, origin: Origin, census: Census): Placement {
  const { pdu } = event
  if (!isState(pdu)) {
    const next = { ...room, extremities: [toExtremity(event, room.node, room.rules)] }
    const placed = { event, json, status: 'accepted' as const, node: room.node, nodes: [], stateChanges: noChanges }
    return withOrigin(next, placed, origin, census)
  }
  const key = keyOf(event)
  const replaces = entryIn(room, census, key)?.eventId
  const changed = withState(room, new Map([[key, event]]), census)
  const parent = room.nextNode === 0 ? undefined : room.node
  const node = extendNode(room.nextNode, parent, new Map([[key, [event.eventId, replaces]]]))
  const next = { ...withNode(changed, node), extremities: [toExtremity(event, node.n, room.rules)] }
  const placed = { event, json, status: 'accepted' as const, node: node.n, nodes: [node.row] }
  const stateChanges = new Map([[key, event]])
  return withOrigin(next, { ...placed, ...(replaces ? { replaces } : {}), stateChanges }, origin, census)
}

/** The snapshot and the description with what else an accepted event brings. */
function withOrigin(
  room: Snapshot,
  placed: Omit<Placed, 'isLocal' | 'destinations'>,
  { waits, redaction, ...origin }: Origin,
  census: Census,
): Placement {
  let next = origin.awaited ? withoutWaiting(room, placed.event.eventId) : room
  let all: Placed = { ...placed, ...origin }
  if (redaction) {
    const key = redaction.redacted.pdu.state_key === undefined ? undefined : keyOf(redaction.redacted)
    const isCurrent = key !== undefined && entryIn(next, census, key)?.eventId === redaction.redacted.eventId
    if (isCurrent) next = withState(next, new Map([[key, redaction.redacted]]), census)
    all = { ...all, redaction: isCurrent ? { ...redaction, stateKey: key } : redaction }
  }
  if (!waits) return { next, placed: all }
  const { next: waiting, dropped } = withWaiting(next, waits.target, waits.entry)
  return { next: waiting, placed: { ...all, waits: { ...waits, dropped } } }
}

export const keyOf = ({ pdu }: PduEvent) => stateKeyOf(pdu.type, pdu.state_key ?? '')

/** The node as that of the current state. */
export const withNode = (room: Snapshot, { n, row }: BuiltNode): Snapshot => ({
  ...room,
  node: n,
  nodeWeight: room.nodeWeight + weightOf(row),
  nextNode: Math.max(room.nextNode, n + 1),
})

/** An event's own state: the one before it, and itself where it is a state event that is allowed. */
export type OwnState = { view: View; node: BuiltNode }

/**
 * @param before  a view on the current state, as the parents' are
 * @param parents nodes that may say what the state before is, or something near it; that of the current state is one
 * @param held    what the current state holds under the event's own key
 */
export function ownStateOf(
  room: Snapshot,
  event: PduEvent,
  before: View,
  parents: readonly NodeView[],
  held: EventId | undefined,
  isAllowed: boolean,
): OwnState {
  const view = isState(event.pdu) && isAllowed ? withEntry(before, keyOf(event), event.eventId, held) : before
  return { view, node: nearestNode(room.nextNode, [...parents, currentOf(room)], view) }
}

const currentOf = (room: Snapshot): NodeView => ({ n: room.node, view: noView })

/** The state over the new extremities. */
export type Merged = {
  /** On the current state. */
  view: View
  /** The events of its entries. */
  events: ReadonlyMap<EventId, PduEvent>
  /** The nodes it was resolved from. */
  parents: readonly NodeView[]
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

/**
 * For an event that forks from the current state, or is not accepted: its own state is kept, and the current one moves.
 *
 * @param census of the users whose member events move, of its own state key, and of what it redacts
 */
export function placeAside(
  room: Snapshot,
  event: PduEvent,
  json: string,
  aside: Aside,
  origin: Origin,
  census: Census,
): Placement {
  const { status, reason, own, ground, isNamed, merged } = aside
  const withOwn: Snapshot = {
    ...room,
    nextNode: Math.max(room.nextNode, own.node.n + 1),
    nodeWeight: room.nodeWeight + weightOf(own.node.row),
    extremities: aside.extremities,
  }
  const moved = merged
    ? moveState(withOwn, event, merged, own, census)
    : { next: withOwn, changes: noChanges, row: undefined }
  const key = isState(event.pdu) ? keyOf(event) : undefined
  const replaces = key === undefined ? undefined : entryIn(room, census, key)?.eventId
  const placed = {
    event,
    json,
    status,
    ...(reason === undefined ? {} : { reason }),
    node: own.node.n,
    nodes: [own.node.row, moved.row].filter((row) => row !== undefined),
    stateChanges: moved.changes,
    // Of what the room held for current, so that who asks what held before finds the way back.
    ...(replaces && key !== undefined && moved.changes.get(key) === event ? { replaces } : {}),
    // An event that is named by an accepted one, or is one, is no news to who comes later.
    ...(status === 'accepted' || isNamed ? { absent: ground.absent } : {}),
    ...(status === 'accepted' ? {} : { behind: [...ground.taken] }),
    wasAbsent: isNamed,
  }
  if (status === 'accepted') return withOrigin(moved.next, placed, origin, census)
  return { next: moved.next, placed: { ...placed, isLocal: false, destinations: [] } }
}

function moveState(room: Snapshot, event: PduEvent, merged: Merged, own: OwnState, census: Census) {
  const changes = new Map<string, PduEvent | undefined>()
  const taken = new Map<string, Pair>()
  for (const [key, [is, was]] of merged.view) {
    const entry = is === undefined ? undefined : is === event.eventId ? event : merged.events.get(is)
    if (is !== undefined && !entry) continue
    changes.set(key, entry)
    taken.set(key, [is, was])
  }
  const candidates = [currentOf(room), { n: own.node.n, view: own.view }, ...merged.parents]
  const node = nearestNode(room.nextNode, candidates, taken)
  return { next: withNode(withState(room, changes, census), node), changes, row: node.row }
}
