/**
 * The `presence` of /sync: changes of the user and of everybody they share a room with.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#presence
 */
import type { JsonObject } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Presence } from './presence.js'
import type { SyncContext } from './sync-context.js'

export type ReadPresence = (context: SyncContext) => Promise<JsonObject[]>

/** An answer is not to become a list of everybody who was ever seen. */
const maxUsers = 1_000

type Needs = { presence: Pick<Presence, 'changedSince' | 'of'>; rooms: Pick<Rooms, 'sharedRooms'> }

export function makeReadPresence({ presence, rooms }: Needs): ReadPresence {
  return async ({ userId, from, fromSerial, filter, account }) => {
    const events: JsonObject[] = []
    for (const other of presence.changedSince(fromSerial).slice(0, maxUsers)) {
      const content = presence.of(other)
      // Who is offline is no news to one who knows nobody.
      if (!content || (!from && content.presence === 'offline') || account.ignored.has(other)) continue
      const event = { type: 'm.presence', sender: other, content }
      if (filter.presence(event) && (await isShared(userId, other))) events.push(event)
    }
    return events
  }

  async function isShared(userId: UserId, other: UserId): Promise<boolean> {
    return userId === other || (await rooms.sharedRooms(userId, other)).length > 0
  }
}
