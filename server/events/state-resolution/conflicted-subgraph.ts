/**
 * Step 0 of version 2.1: every event on a path along `auth_events` from one conflicted event to
 * another, ends included. It brings back what lies between two conflicting pasts, so that replaying
 * from nothing does not lose it.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
import type { EventId } from '../../kernel/identifiers.js'
import { authEventIds } from '../pdu.js'
import { type FetchEvent, reachableEvents } from './events.js'

export function conflictedSubgraph(conflicted: ReadonlySet<EventId>, fetch: FetchEvent): Set<EventId> {
  // Down from the conflicted events: whatever one of them leads to, with the edges turned round.
  const namedBy = new Map<EventId, EventId[]>()
  for (const id of reachableEvents(conflicted, fetch)) {
    const event = fetch(id)
    if (!event) continue
    for (const authId of authEventIds(event.pdu)) {
      const namers = namedBy.get(authId)
      if (namers) namers.push(id)
      else namedBy.set(authId, [id])
    }
  }
  // Up again from the conflicted events, along those edges only: whatever leads to one of them as well.
  const between = new Set(conflicted)
  const waiting = [...conflicted]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const namer of namedBy.get(id) ?? []) {
      if (between.has(namer)) continue
      between.add(namer)
      waiting.push(namer)
    }
  }
  return between
}
