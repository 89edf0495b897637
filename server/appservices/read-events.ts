/** Events as application services are told of them: in the clients' form, with their room. */
import { toClientEvent } from '../events/client-event.js'
import type { JsonObject } from '../events/pdu.js'
import type { Rooms, StoredEvent } from '../rooms/room.js'
import type { QueuedEvent } from './appservice-queue.js'

export function makeReadEvents({ rooms, now }: { rooms: Pick<Rooms, 'get' | 'readEvents'>; now: () => number }) {
  return async (queued: readonly QueuedEvent[]): Promise<object[]> => {
    const found = new Map<string, StoredEvent>()
    const add = async (ids: readonly StoredEvent['eventId'][]) => {
      for (const event of await rooms.readEvents(ids)) found.set(event.eventId, event)
    }
    await add(queued.map(({ eventId }) => eventId))
    await add(
      [...found.values()].flatMap(({ replaces, redactedBy }) =>
        [replaces, redactedBy].filter((id) => id !== undefined),
      ),
    )
    const events: object[] = []
    for (const { eventId, roomId } of queued) {
      const event = found.get(eventId)
      const room = event && (await rooms.get(roomId))
      if (!event || !room) continue
      const { rules } = room
      const replaced = event.replaces && found.get(event.replaces)
      const redaction = event.redactedBy && found.get(event.redactedBy)
      const unsigned: JsonObject = {
        age: Math.max(0, now() - event.pdu.origin_server_ts),
        ...(replaced && { prev_content: replaced.pdu.content, replaces_state: replaced.eventId }),
        ...(redaction && { redacted_because: toClientEvent(redaction, { rules }) as unknown as JsonObject }),
      }
      events.push(toClientEvent(event, { rules, unsigned }))
    }
    return events
  }
}
