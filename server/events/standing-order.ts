/**
 * Events in an order in which each comes after those that it stands on, whatever "stands on" is: prev events, auth events. Pure.
 *
 * Depth first without recursion: a chain ten thousand long must not end in a stack overflow. A cycle (possible only
 * with the opaque IDs of versions 1 and 2) is cut where it is met first.
 */
import type { EventId } from '../kernel/identifiers.js'
import type { PduEvent } from './pdu.js'

/**
 * @param roots    the events, in the order that decides where nothing else does
 * @param standsOn what an event names; what is not among `events` is passed over
 */
export function inStandingOrder(
  roots: readonly PduEvent[],
  events: ReadonlyMap<EventId, PduEvent>,
  standsOn: (event: PduEvent) => readonly EventId[],
): PduEvent[] {
  const ordered: PduEvent[] = []
  const state = new Map<EventId, 'open' | 'done'>()
  for (const root of roots) {
    const stack = [root]
    for (let event = stack.at(-1); event; event = stack.at(-1)) {
      const progress = state.get(event.eventId)
      if (progress !== undefined) {
        stack.pop()
        if (progress === 'open') ordered.push(event)
        state.set(event.eventId, 'done')
        continue
      }
      state.set(event.eventId, 'open')
      for (const id of standsOn(event)) {
        const below = events.get(id)
        if (below && !state.has(id)) stack.push(below)
      }
    }
  }
  return ordered
}
