/**
 * The member events of those who sent the events of a page: what `state` holds with lazy-loaded members.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { Rooms } from '../rooms/room.js'
import type { VisibleEvent } from './client-events.js'
import type { RoomAccess } from './visibility.js'

/** One per sender, as in the state that the user may see. */
export type ReadSenders = (access: RoomAccess, events: readonly VisibleEvent[]) => Promise<PduEvent[]>

export function makeReadSenders({ rooms }: { rooms: Pick<Rooms, 'readCurrent' | 'readStateEntriesAt'> }): ReadSenders {
  return async ({ room, node }, events) => {
    const keys = [...new Set(events.map(({ event }) => event.pdu.sender))].map((sender) =>
      stateKeyOf('m.room.member', sender),
    )
    const state =
      node === undefined ? await rooms.readCurrent(room, keys) : await rooms.readStateEntriesAt(room.roomId, node, keys)
    return keys.map((key) => state.get(key)).filter((event) => event !== undefined)
  }
}
