/**
 * Forward extremities: the accepted events on which nothing accepted stands.
 *
 * An event stands on those it names, and through a soft-failed or rejected one on those that one stands on: who
 * names a soft-failed event has seen what lies behind it, so servers that judged that event differently still come
 * to the same ends of the room, and to the same state.
 */
import { type PduEvent, prevEventIds } from '../events/pdu.js'
import type { EventId } from '../kernel/identifiers.js'
import type { Extremity, StoredEvent } from './room.js'

/** What an event stands on. */
export type Ground = {
  /** Every event it takes out of the extremities once it is accepted, or named by one that is. */
  taken: ReadonlySet<EventId>
  /** Those among them that are not here (yet). */
  absent: readonly EventId[]
}

/** @param events what is known of its prev events, and of those behind them */
export function groundOf(event: PduEvent, events: readonly StoredEvent[]): Ground {
  const known = new Map(events.map((each) => [each.eventId, each]))
  const taken = new Set<EventId>()
  const absent = new Set<EventId>()
  for (const eventId of prevEventIds(event.pdu)) {
    for (const id of [eventId, ...(known.get(eventId)?.behind ?? [])]) {
      taken.add(id)
      if ((known.get(id)?.status ?? 'outlier') === 'outlier') absent.add(id)
    }
  }
  return { taken, absent: [...absent] }
}

/**
 * The extremities once an event has its place.
 *
 * @param own   the event as one of them, where it is accepted
 * @param isNamed an accepted event stands on it already: it came late
 */
export function nextExtremities(
  before: readonly Extremity[],
  own: Extremity | undefined,
  { taken }: Pick<Ground, 'taken'>,
  isNamed: boolean,
): readonly Extremity[] {
  if (!own && !isNamed) return before
  const left = before.filter(({ eventId }) => !taken.has(eventId))
  const next = own && !isNamed ? [...left, own] : left
  // Only events that name each other in a circle could leave none: then nothing is taken.
  if (next.length === 0) return own ? [own] : before
  return next.length === before.length && left.length === before.length ? before : next
}
