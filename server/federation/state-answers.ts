/**
 * The states and auth chains that other servers ask for, as event IDs.
 *
 * Both are for ever what they are: the state at a node, and what an event stands on. So they are worked out once and
 * kept, within bounds, however many servers ask; what the events say is read when they are sent, since a
 * redaction may have come.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-events
 */
import { authEventIds, type PduEvent, prevEventIds, type StateMap } from '../events/pdu.js'
import type { EventId } from '../kernel/identifiers.js'
import { VersionedCache } from '../kernel/versioned-cache.js'
import type { Room, Rooms } from '../rooms/room.js'

type ReadEvents = Pick<Rooms, 'readEvents'>

/** The given events and everything they stand on. */
export type ReadWithAuthChains = (
  rooms: ReadEvents,
  eventIds: Iterable<EventId>,
) => Promise<ReadonlyMap<EventId, PduEvent>>

export type StateIds = { readonly state: readonly EventId[]; readonly authChain: readonly EventId[] }

export type StateAnswers = {
  /** Undefined where this server does not know the state there. */
  readStateBefore(reader: ReadEvents, room: Room, event: PduEvent): Promise<StateIds | undefined>
  readAuthChain(reader: ReadEvents, event: PduEvent): Promise<readonly EventId[]>
}

type Needs = {
  readWithAuthChains: ReadWithAuthChains
  /** The state before an event of that room; undefined where this server does not know it. */
  readStateBefore: (room: Room, event: PduEvent) => Promise<StateMap | undefined>
}

const maxBytes = { states: 8 * 1024 * 1024, chains: 2 * 1024 * 1024 }
/** Of an ID of 44 characters and its place in a list. */
const bytesPerId = 80

export function makeStateAnswers({ readWithAuthChains, readStateBefore }: Needs): StateAnswers {
  const states = new VersionedCache<string, StateIds>('states_for_servers', maxBytes.states)
  const chains = new VersionedCache<EventId, readonly EventId[]>('auth_chains', maxBytes.chains)

  /** Those among the events that others stand on are part of it. */
  async function chainOf(reader: ReadEvents, events: readonly PduEvent[]): Promise<EventId[]> {
    const ids = new Set(events.flatMap(({ pdu }) => authEventIds(pdu)))
    return [...(await readWithAuthChains(reader, ids)).keys()]
  }

  async function load(reader: ReadEvents, room: Room, event: PduEvent) {
    const map = await readStateBefore(room, event)
    if (!map) return undefined
    const state = [...map.values()]
    const authChain = await chainOf(reader, await reader.readEvents(state))
    return { value: { state, authChain }, bytes: (state.length + authChain.length) * bytesPerId }
  }

  return {
    async readStateBefore(reader, room, event) {
      const ids = new Set(prevEventIds(event.pdu))
      const placed = (await reader.readEvents([...ids])).flatMap(({ node }) => node ?? [])
      if (placed.length < ids.size) return undefined
      const nodes = [...new Set(placed)].sort()
      return states.get(`${room.roomId} ${nodes.join(' ')}`, () => load(reader, room, event))
    },
    async readAuthChain(reader, event) {
      const chain = await chains.get(event.eventId, async () => {
        const value = await chainOf(reader, [event])
        return { value, bytes: (value.length + 1) * bytesPerId }
      })
      return chain ?? []
    },
  }
}
