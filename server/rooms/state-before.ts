/**
 * The state before an event: that of its one prev event, or the states after all of them resolved.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#state-resolution
 */
import { type PduEvent, prevEventIds, type StateMap } from '../events/pdu.js'
import { resolveState } from '../events/state-resolution/index.js'
import type { EventId } from '../kernel/identifiers.js'
import { readWithAuthChains } from './auth-chain.js'
import type { Rooms, Snapshot } from './room.js'
import type { StateNode } from './state-nodes.js'
import type { RoomTx } from './write-room.js'

export type StateBefore =
  /** `parents`: the nodes it was made from. */
  { map: StateMap; parents: readonly StateNode[] } | { missing: EventId[] }

/** @param prev IDs of the event's prev events */
export async function readStateBefore(
  tx: Pick<RoomTx, 'readEvents' | 'readNode'>,
  room: Snapshot,
  prev: readonly EventId[],
): Promise<StateBefore> {
  const placed = new Map<EventId, number>()
  for (const { eventId, node } of await tx.readEvents(prev)) if (node !== undefined) placed.set(eventId, node)
  const missing = prev.filter((id) => !placed.has(id))
  if (missing.length > 0) return { missing }
  const parents = await Promise.all([...new Set(placed.values())].map((n) => tx.readNode(n)))
  const [only] = parents
  if (parents.length === 1 && only) return { map: only.state, parents }
  return {
    map: await resolve(
      tx,
      room,
      parents.map(({ state }) => state),
    ),
    parents,
  }
}

/** Resolves several states of a room, reading what the algorithm may ask for first. */
export async function resolve(
  tx: Pick<RoomTx, 'readEvents'>,
  room: Snapshot,
  states: readonly StateMap[],
): Promise<StateMap> {
  const known = new Map<EventId, PduEvent>()
  for (const event of room.state.values()) known.set(event.eventId, event)
  const ids = new Set(states.flatMap((state) => [...state.values()]))
  const events = await readWithAuthChains(tx, [...ids, room.createEvent.eventId], known)
  return resolveState([...states], (id) => events.get(id), room.rules)
}

/** The durable state before an event, for other servers; undefined where it is not known. */
export async function readStateBeforeEvent(
  rooms: Pick<Rooms, 'readEvents' | 'readStateNode'>,
  room: Snapshot,
  event: PduEvent,
): Promise<StateMap | undefined> {
  const readNode = async (n: number) => ({ n, fullAt: n, weight: 0, state: await rooms.readStateNode(room.roomId, n) })
  const found = await readStateBefore({ readEvents: rooms.readEvents, readNode }, room, prevEventIds(event.pdu))
  return 'map' in found ? found.map : undefined
}
