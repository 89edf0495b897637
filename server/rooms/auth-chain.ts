/** Reads events with everything they are allowed by, for state resolution and for other servers. */
import { authEventIds, type PduEvent } from '../events/pdu.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Rooms } from './room.js'

/**
 * The given events and their whole auth chains, breadth first, one read per level.
 *
 * @param known events that need no read
 */
export async function readWithAuthChains(
  rooms: Pick<Rooms, 'readEvents'>,
  eventIds: Iterable<EventId>,
  known: ReadonlyMap<EventId, PduEvent> = new Map(),
): Promise<Map<EventId, PduEvent>> {
  const found = new Map<EventId, PduEvent>()
  const asked = new Set<EventId>(eventIds)
  let wanted = [...asked]
  while (wanted.length > 0) {
    const here = wanted.flatMap((id) => known.get(id) ?? [])
    const read = await rooms.readEvents(wanted.filter((id) => !known.has(id)))
    const next: EventId[] = []
    for (const event of [...here, ...read]) {
      found.set(event.eventId, event)
      for (const id of authEventIds(event.pdu)) {
        if (asked.has(id)) continue
        asked.add(id)
        next.push(id)
      }
    }
    wanted = next
  }
  return found
}
