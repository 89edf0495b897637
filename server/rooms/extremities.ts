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

/** Most events looked at for one; whoever makes more of soft-failed events in a row gains nothing but ends of the room. */
const maxLooked = 2_000

/** What an event that is not shown lets through: what it was found to stand on, or says that it does. */
export const behindOf = ({ status, behind, pdu }: StoredEvent): readonly EventId[] | undefined =>
  status === 'soft_failed' || status === 'rejected' ? (behind ?? prevEventIds(pdu)) : undefined

/**
 * @param readEvents those of the events that are here. What was unknown when a soft-failed event came may be one of its
 *   kind by now: the way goes on behind it
 */
export async function readGround(
  event: PduEvent,
  readEvents: (ids: readonly EventId[]) => Promise<readonly StoredEvent[]>,
): Promise<Ground> {
  const taken = new Set<EventId>()
  const absent = new Set<EventId>()
  const seen = new Set<EventId>(prevEventIds(event.pdu))
  let level = [...seen]
  while (level.length > 0 && seen.size <= maxLooked) {
    const known = new Map((await readEvents(level)).map((each) => [each.eventId, each]))
    const next: EventId[] = []
    for (const id of level) {
      const each = known.get(id)
      const behind = each && behindOf(each)
      if (!behind) taken.add(id)
      if (!each || each.status === 'outlier') absent.add(id)
      for (const prev of behind ?? []) {
        if (seen.has(prev)) continue
        seen.add(prev)
        next.push(prev)
      }
    }
    level = next
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
