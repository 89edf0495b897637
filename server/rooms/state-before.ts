/**
 * The state before an event: that of its one prev event, or the states after all of them resolved.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v2/#state-resolution
 */
import { type PduEvent, prevEventIds, type StateMap } from '../events/pdu.js'
import { resolveState } from '../events/state-resolution/index.js'
import type { EventId } from '../kernel/identifiers.js'
import { readWithAuthChains } from './auth-chain.js'
import type { Room } from './room.js'
import type { RoomsForWriting } from './rooms.js'

export type StateBefore =
  /** `node` where the state is that of a node which is already stored. */
  { missing: []; state: StateMap; node?: number } | { missing: EventId[] }

export async function readStateBefore(rooms: RoomsForWriting, room: Room, event: PduEvent): Promise<StateBefore> {
  const ids = prevEventIds(event.pdu)
  const prev = await rooms.readEvents(ids)
  const placed = new Map(prev.flatMap(({ eventId, node }) => (node === undefined ? [] : [[eventId, node] as const])))
  // A room's newest events may be on their way to the disk: the extremities know them.
  for (const { eventId, node } of room.extremities) placed.set(eventId, node)
  const missing = ids.filter((id) => !placed.has(id))
  if (missing.length > 0) return { missing }
  const nodes = [...new Set(ids.flatMap((id) => placed.get(id) ?? []))]
  const [only] = nodes
  if (nodes.length === 1 && only !== undefined)
    return { missing: [], state: (await rooms.nodes.read(room.roomId, only)).state, node: only }
  const states = await Promise.all(nodes.map(async (node) => (await rooms.nodes.read(room.roomId, node)).state))
  return { missing: [], state: await resolve(rooms, room, states) }
}

/** Resolves several states of a room, reading what the algorithm may ask for first. */
export async function resolve(rooms: RoomsForWriting, room: Room, states: readonly StateMap[]): Promise<StateMap> {
  const known = new Map([...room.state.values()].map((event) => [event.eventId, event]))
  const ids = new Set(states.flatMap((state) => [...state.values()]))
  const events = await readWithAuthChains(rooms, [...ids, room.createEvent.eventId], known)
  return resolveState([...states], (id) => events.get(id), room.rules)
}
