/** The order of events that another server told in any order: each after those of them that it stands on. Pure. */
import { type PduEvent, prevEventIds } from '../events/pdu.js'
import { inStandingOrder } from '../events/standing-order.js'
import type { EventId } from '../kernel/identifiers.js'

/** Oldest first; among those that do not stand on each other the depth decides, then the time, then that the newer was told first. */
export function inHistoryOrder(events: readonly PduEvent[]): PduEvent[] {
  const byId = new Map(events.map((event) => [event.eventId, event]))
  const roots = [...byId.values()]
    .reverse()
    .sort((a, b) => a.pdu.depth - b.pdu.depth || a.pdu.origin_server_ts - b.pdu.origin_server_ts)
  return inStandingOrder(roots, byId, ({ pdu }) => prevEventIds(pdu))
}

/**
 * Those of the events that are reached from the given ends without passing one that is known already, and where the
 * way back goes on from them.
 *
 * @param passedOver events that cannot be taken, with what they stand on
 */
export function reachedFrom(
  ends: readonly EventId[],
  events: ReadonlyMap<EventId, PduEvent>,
  passedOver: ReadonlyMap<EventId, readonly EventId[]>,
): { reached: PduEvent[]; open: EventId[] } {
  const reached: PduEvent[] = []
  const open: EventId[] = []
  const seen = new Set(ends)
  const queue = [...ends]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const event = events.get(id)
    const behind = event ? prevEventIds(event.pdu) : passedOver.get(id)
    if (event) reached.push(event)
    if (!behind) open.push(id)
    for (const prev of behind ?? []) {
      if (seen.has(prev)) continue
      seen.add(prev)
      queue.push(prev)
    }
  }
  return { reached, open }
}
