/**
 * The thread an event is in: its root, or `main`. What relates to an event in a thread in another way (a reaction
 * to a reply, an edit of it) is in that thread too, which only the other event tells.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#threading
 */
import type { JsonObject, PduEvent } from '../events/pdu.js'
import { relationOf } from '../events/relations.js'
import type { EventId } from '../kernel/identifiers.js'

export const mainThread = 'main'

/** How many relations lead from an event to its thread's root at most: an edit of a reaction to a reply. */
const maxHops = 3

/** @returns undefined where the event that it relates to has to be asked */
export function threadOf(pdu: { readonly content: JsonObject }): string | undefined {
  const relation = relationOf(pdu)
  if (!relation) return mainThread
  return relation.relType === 'm.thread' ? relation.eventId : undefined
}

/** Thread of any event, by way of what it relates to. */
export type ReadThreadOf = (event: Pick<PduEvent, 'pdu'>) => Promise<string>

export function makeReadThreadOf(rooms: {
  readEvent(eventId: EventId): Promise<Pick<PduEvent, 'pdu'> | undefined>
}): ReadThreadOf {
  return async (event) => {
    let at: Pick<PduEvent, 'pdu'> | undefined = event
    for (let hop = 0; at && hop < maxHops; hop++) {
      const thread = threadOf(at.pdu)
      if (thread !== undefined) return thread
      at = await rooms.readEvent(relationOf(at.pdu)!.eventId)
    }
    return mainThread
  }
}
