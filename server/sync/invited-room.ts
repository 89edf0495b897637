/**
 * The sections of /sync of rooms the user is invited to or knocks at: stripped state, because they
 * are not inside.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
import { strippedStateTypes, stripState } from '../events/client-event.js'
import { type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import type { RoomMembership, Rooms } from '../rooms/room.js'

/** Stripped state of a room for a user outside it, their own member event included. */
export type ReadStrippedState = (userId: UserId, membership: RoomMembership) => Promise<JsonObject[]>

export function makeReadStrippedState({
  rooms,
}: {
  rooms: Pick<Rooms, 'get' | 'readEvent' | 'readCurrent'>
}): ReadStrippedState {
  return async (userId, membership) => {
    const events = membership.stripped ?? (await readOurs(membership))
    if (events.some((event) => event.type === 'm.room.member' && event.state_key === userId)) return [...events]
    return [...events, await readOwnMember(userId, membership)]
  }

  /** Of a room this server is in. Not as it was at the time: the room's name may have changed since. */
  async function readOurs({ roomId, sender }: RoomMembership): Promise<JsonObject[]> {
    const room = await rooms.get(roomId)
    if (!room) return []
    const keys = [...strippedStateTypes.map((type) => stateKeyOf(type, '')), stateKeyOf('m.room.member', sender)]
    const current = await rooms.readCurrent(room, keys)
    const events: PduEvent[] = keys.map((key) => current.get(key)).filter((event) => event !== undefined)
    return events.map(stripState)
  }

  async function readOwnMember(userId: UserId, { eventId, sender, membership }: RoomMembership): Promise<JsonObject> {
    const event = await rooms.readEvent(eventId)
    return event ? stripState(event) : { type: 'm.room.member', state_key: userId, sender, content: { membership } }
  }
}
