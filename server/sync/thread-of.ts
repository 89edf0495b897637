/**
 * The thread an event is in: its root, or `main`. What relates to an event in a thread in another way (a reaction
 * to a reply, an edit of it) is in that thread too, which only the other event tells.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#threading
 */
import { isJsonObject, type JsonObject, type PduEvent } from '../events/pdu.js'
import { type EventId, parseEventId } from '../kernel/identifiers.js'

export const mainThread = 'main'

/** How many relations lead from an event to its thread's root at most: an edit of a reaction to a reply. */
const maxHops = 3

type Content = { readonly content: JsonObject }

/** @returns undefined where the event that it relates to has to be asked */
export function threadOf({ content }: Content): string | undefined {
  const relation = content['m.relates_to']
  if (!isJsonObject(relation)) return mainThread
  const target = parseEventId(relation.event_id)
  if (!target || typeof relation.rel_type !== 'string') return mainThread
  return relation.rel_type === 'm.thread' ? target : undefined
}

/** The event that this one relates to, its thread's root too. */
export function relatedTo({ content }: Content): EventId | undefined {
  const relation = content['m.relates_to']
  return isJsonObject(relation) ? parseEventId(relation.event_id) : undefined
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
      at = await rooms.readEvent(relatedTo(at.pdu)!)
    }
    return mainThread
  }
}
