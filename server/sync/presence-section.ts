/**
 * The `presence` of /sync: changes of the user and of everybody they share a room with, and of a room that the user has
 * just joined everybody who is there.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#presence
 */
import type { JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { StreamPosition } from '../store/writes.js'
import type { Presence } from './presence.js'
import type { SyncContext } from './sync-context.js'

export type ReadPresence = (context: SyncContext) => Promise<JsonObject[]>

/** An answer is not to become a list of everybody who was ever seen. */
const maxUsers = 1_000

type Needs = { presence: Pick<Presence, 'changedSince' | 'of'>; rooms: Pick<Rooms, 'sharedRooms' | 'membershipsOf'> }

export function makeReadPresence({ presence, rooms }: Needs): ReadPresence {
  return async ({ userId, from, fromSerial, filter, account }) => {
    const events: JsonObject[] = []
    const changed = new Set(presence.changedSince(fromSerial).slice(0, maxUsers))
    const joined = from ? await roomsJoinedSince(userId, from.position) : []
    const known = joined.length > 0 ? presence.changedSince(0).slice(0, maxUsers) : []
    for (const other of new Set([...changed, ...known])) {
      const isNew = changed.has(other)
      const content = presence.of(other)
      // Who is offline is no news to one who did not know them.
      if (!content || (content.presence === 'offline' && !(from && isNew)) || account.ignored.has(other)) continue
      const event = { type: 'm.presence', sender: other, content }
      if (!filter.presence(event)) continue
      if (isNew ? await isShared(userId, other) : await isInOneOf(other, joined)) events.push(event)
    }
    return events
  }

  async function roomsJoinedSince(userId: UserId, position: StreamPosition): Promise<RoomId[]> {
    const own = await rooms.membershipsOf(userId)
    return [...own.values()].flatMap((row) =>
      row.membership === 'join' && row.position > position ? [row.roomId] : [],
    )
  }

  async function isInOneOf(userId: UserId, roomIds: readonly RoomId[]): Promise<boolean> {
    const memberships = await rooms.membershipsOf(userId)
    return roomIds.some((roomId) => memberships.get(roomId)?.membership === 'join')
  }

  async function isShared(userId: UserId, other: UserId): Promise<boolean> {
    return userId === other || (await rooms.sharedRooms(userId, other)).length > 0
  }
}
