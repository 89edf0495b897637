/**
 * The state before an event: that of its one prev event, or the states after all of them resolved.
 *
 * States come as views on a base (state-view.ts), and are resolved in what they differ and in what that is judged by:
 * whatever else the room's thousands of members say, all states say alike, and it decides nothing. But for one thing:
 * what the pasts of all states have in common is not in their difference, and it may be common only through some
 * member whom nothing else asks about. Where that would matter, all of them are looked through, in pieces.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#state-resolution
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { authEventKeys } from '../events/auth-rules/index.js'
import { isState, type PduEvent, prevEventIds, type StateMap, stateKeyOf } from '../events/pdu.js'
import { authDifference } from '../events/state-resolution/auth-difference.js'
import { reachableEvents } from '../events/state-resolution/events.js'
import { resolveState } from '../events/state-resolution/index.js'
import { splitConflicted } from '../events/state-resolution/split-conflicted.js'
import type { EventId, RoomId } from '../kernel/identifiers.js'
import { readWithAuthChains } from './auth-chain.js'
import type { Room, Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import type { StateNodes } from './state-nodes.js'
import { changesBetween, type NodeView, noView, type Pair, restricted, type View } from './state-view.js'
import type { RoomTx } from './write-room.js'

/** What views are told against. */
export type Base = {
  n: number
  /** Some of its entries. */
  readIds(keys: readonly string[]): Promise<ReadonlyMap<string, EventId>>
}

/** The state of the tip. */
export const currentBase = (tx: Pick<RoomTx, 'readCurrent'>, room: Snapshot): Base => ({
  n: room.node,
  async readIds(keys) {
    const current = await tx.readCurrent(keys)
    return new Map(keys.flatMap((key) => (current.get(key) ? [[key, current.get(key)!.eventId] as const] : [])))
  },
})

/** The state of a node that is durable. */
export const nodeBase = (nodes: Pick<StateNodes, 'readEntries'>, roomId: RoomId, n: number): Base => ({
  n,
  readIds: (keys) => nodes.readEntries(roomId, n, keys),
})

export type StateBefore =
  /** `parents`: the nodes it was made from. */
  { view: View; parents: readonly NodeView[] } | { missing: EventId[] }

type Needs = Pick<RoomTx, 'readEvents' | 'readView' | 'readNode'>

/** @param prev IDs of the event's prev events */
export async function readStateBefore(
  tx: Needs,
  room: Snapshot,
  base: Base,
  prev: readonly EventId[],
): Promise<StateBefore> {
  const placed = new Map<EventId, number>()
  for (const { eventId, node } of await tx.readEvents(prev)) if (node !== undefined) placed.set(eventId, node)
  const missing = prev.filter((id) => !placed.has(id))
  if (missing.length > 0) return { missing }
  const parents = await readViews(tx, base, placed.values())
  return {
    view: await resolveViews(
      tx,
      room,
      base,
      parents.map(({ view }) => view),
    ),
    parents,
  }
}

export async function readViews(tx: Needs, base: Base, nodes: Iterable<number>): Promise<NodeView[]> {
  const views: NodeView[] = []
  for (const n of new Set(nodes)) views.push({ n, view: n === base.n ? noView : await tx.readView(base.n, n) })
  return views
}

/** Resolves several states of a room, reading what the algorithm may ask for first. */
export async function resolveViews(tx: Needs, room: Snapshot, base: Base, views: readonly View[]): Promise<View> {
  const distinct = views.filter((view, at) => !views.slice(0, at).some((other) => isSame(other, view)))
  const [first = noView] = distinct
  if (distinct.length < 2) return first
  const touched = new Set(distinct.flatMap((view) => [...view.keys()]))
  const named = distinct.flatMap((view) => [...view.values()].flatMap((pair) => pair.filter((id) => id !== undefined)))

  const events = await readWithAuthChains(tx, [...named, room.createEvent.eventId])
  const keys = [...keysAskedFor(events.values(), room, touched)]
  const ids = await base.readIds(keys)
  const states = distinct.map((view) => restricted(view, keys, (key) => ids.get(key)))
  const add = async (some: Iterable<EventId>) => {
    for (const [id, event] of await readWithAuthChains(tx, some, events)) events.set(id, event)
  }
  await add(new Set(states.flatMap((state) => [...state.values()])))
  const fetch = (id: EventId) => events.get(id)

  if (room.rules.stateResolution !== 'v1') {
    const { conflicted, unconflicted } = splitConflicted(states, true)
    const undecided = authDifference(states, unconflicted, fetch)
    for (const ids of conflicted.values()) for (const id of ids) undecided.delete(id)
    if (undecided.size > 0) {
      const witnesses = await findWitnesses(tx, await tx.readNode(base.n), new Set(keys), undecided)
      for (const state of states) for (const [key, id] of witnesses) state.set(key, id)
      await add(witnesses.values())
    }
  }
  const resolved = resolveState(states, fetch, room.rules)
  const view = new Map<string, Pair>()
  for (const key of keys) {
    const [is, was] = [resolved.get(key), ids.get(key)]
    if (is !== was) view.set(key, [is, was])
  }
  return view
}

const isSame = (a: View, b: View) => a === b || changesBetween(a, b).size === 0

/** The entries that events are, or are judged by. */
function keysAskedFor(events: Iterable<PduEvent>, room: Snapshot, touched: ReadonlySet<string>): Set<string> {
  const keys = new Set(touched)
  for (const { pdu } of events) {
    if (isState(pdu)) keys.add(stateKeyOf(pdu.type, pdu.state_key ?? ''))
    for (const [type, key] of authEventKeys(pdu, room.rules)) keys.add(stateKeyOf(type, key))
  }
  keys.add(stateKeyOf('m.room.create', ''))
  keys.add(stateKeyOf('m.room.power_levels', ''))
  return keys
}

const eventsPerPiece = 500

/**
 * Members in whose past some of the events are, by state key: entries that all states have, so that these events are
 * common to all.
 *
 * @param asked keys whose entries were looked at already
 */
async function findWitnesses(
  tx: Pick<RoomTx, 'readEvents'>,
  state: StateMap,
  asked: ReadonlySet<string>,
  wanted: ReadonlySet<EventId>,
): Promise<Map<string, EventId>> {
  const witnesses = new Map<string, EventId>()
  const left = new Set(wanted)
  let piece: [string, EventId][] = []
  const look = async () => {
    const events = await readWithAuthChains(
      tx,
      piece.map(([, id]) => id),
    )
    const fetch = (id: EventId) => events.get(id)
    for (const [key, id] of piece) {
      if (left.size === 0) break
      const past = reachableEvents([id], fetch)
      for (const each of left) if (past.has(each) && left.delete(each)) witnesses.set(key, id)
    }
    piece = []
    await nextTurn()
  }
  for (const entry of state) {
    if (asked.has(entry[0])) continue
    piece.push(entry)
    if (piece.length === eventsPerPiece) await look()
    if (left.size === 0) return witnesses
  }
  await look()
  return witnesses
}

/** A state that another server told whole, as a view. */
export async function viewOf(tx: Pick<RoomTx, 'readNode'>, base: Base, state: StateMap): Promise<View> {
  const known = await tx.readNode(base.n)
  const view = new Map<string, Pair>()
  for (const [key, id] of state) if (known.get(key) !== id) view.set(key, [id, known.get(key)])
  for (const [key, id] of known) if (!state.has(key)) view.set(key, [undefined, id])
  return view
}

/** The whole state before an event, for other servers; undefined where what it stands on is not known. */
export async function readStateBeforeEvent(
  rooms: Pick<RoomsForWriting, 'readEvents' | 'nodes'>,
  room: Room,
  event: PduEvent,
): Promise<StateMap | undefined> {
  const { roomId } = room
  const prev = prevEventIds(event.pdu)
  const reader: Needs = {
    readEvents: rooms.readEvents,
    readView: (from, to) => rooms.nodes.between(roomId, from, to),
    readNode: (n) => rooms.nodes.read(roomId, n),
  }
  const [first] = await rooms.readEvents(prev.slice(0, 1))
  if (first?.node === undefined) return prev.length === 0 ? new Map() : undefined
  const base = nodeBase(rooms.nodes, roomId, first.node)
  const found = await readStateBefore(reader, room, base, prev)
  if ('missing' in found) return undefined
  const whole = await reader.readNode(base.n)
  if (found.view.size === 0) return whole
  const state = new Map(whole)
  for (const [key, [is]] of found.view) {
    if (is === undefined) state.delete(key)
    else state.set(key, is)
  }
  return state
}
