/**
 * Where the way back in a room's history goes on from events that are named by what is here.
 *
 * One that has its place, shown or hidden, ends the way: what lies below it is its own segment's. A soft-failed or
 * rejected one has no place in the history, so the way leads on to what it stands on, however it came here.
 */
import type { EventId } from '../kernel/identifiers.js'
import { behindOf } from './extremities.js'
import type { StoredEvent } from './room.js'

type ReadEvents = (ids: readonly EventId[]) => Promise<readonly StoredEvent[]>

/** Of events that are here: that they have their place, or what they let through. Outliers have neither yet. */
export async function readKnown(
  readEvents: ReadEvents,
  ids: readonly EventId[],
): Promise<Map<EventId, 'placed' | readonly EventId[]>> {
  const known = new Map<EventId, 'placed' | readonly EventId[]>()
  for (const event of await readEvents([...new Set(ids)])) {
    const behind = behindOf(event)
    if (behind) known.set(event.eventId, behind)
    else if (event.node !== undefined) known.set(event.eventId, 'placed')
  }
  return known
}

/** The events without a place here to which the way leads from the given ones. */
export async function readOpenEnds(readEvents: ReadEvents, ids: readonly EventId[]): Promise<EventId[]> {
  const open: EventId[] = []
  const seen = new Set(ids)
  let level: readonly EventId[] = [...seen]
  while (level.length > 0) {
    const known = await readKnown(readEvents, level)
    const next: EventId[] = []
    for (const id of level) {
      const what = known.get(id)
      if (what === undefined) open.push(id)
      if (what === undefined || what === 'placed') continue
      for (const behind of what) {
        if (seen.has(behind)) continue
        seen.add(behind)
        next.push(behind)
      }
    }
    level = next
  }
  return open
}
