/**
 * What typing and presence tell other servers (receipts go out with their commit).
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import type { Edu } from '../events/edu.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Room, Rooms } from '../rooms/room.js'

/** Hands an EDU to the federation sender, which drops it rather than waits. Never throws. */
export type SendEdu = (destinations: Iterable<ServerName>, edu: Edu) => void

/** The other servers with joined members. */
export const readOtherServers = async (
  rooms: Pick<Rooms, 'readServers'>,
  room: Room,
  own: ServerName,
): Promise<ServerName[]> => [...(await rooms.readServers(room)).keys()].filter((server) => server !== own)
