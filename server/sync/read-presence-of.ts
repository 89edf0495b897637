/**
 * One user's presence, for another.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus
 */
import { forbidden } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import type { Presence, PresenceContent } from './presence.js'

/** @throws MatrixError 403 `M_FORBIDDEN` for a user with whom the reader shares no room, existing or not */
export type ReadPresenceOf = (reader: UserId, userId: UserId) => Promise<PresenceContent>

type Needs = { presence: Pick<Presence, 'of'>; rooms: Pick<Rooms, 'sharedRooms'> }

export function makeReadPresenceOf({ presence, rooms }: Needs): ReadPresenceOf {
  return async (reader, userId) => {
    if (reader !== userId && (await rooms.sharedRooms(reader, userId)).length === 0)
      throw forbidden('You share no room with that user')
    return presence.of(userId) ?? { presence: 'offline' }
  }
}
