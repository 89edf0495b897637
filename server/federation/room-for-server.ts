/**
 * Which rooms another server may ask about: those this server is in, that do not exclude it, and for
 * most questions those in which it has a member.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
 */
import { stateKeyOf } from '../events/pdu.js'
import { isServerAllowed } from '../events/server-acl.js'
import { forbidden, notFound } from '../kernel/errors.js'
import type { RoomId, ServerName } from '../kernel/identifiers.js'
import type { Room, Rooms } from '../rooms/room.js'

export type RoomForServer = {
  /** A room that this server can speak for. Throws 404 for one it is not in, 403 where the ACL excludes the origin. */
  readOpenRoom(origin: ServerName, roomId: RoomId): Promise<Room>
  /** The same, and the origin has a joined member: else 403. */
  readSharedRoom(origin: ServerName, roomId: RoomId): Promise<Room>
}

export function makeRoomForServer(needs: { serverName: ServerName; rooms: Pick<Rooms, 'get'> }): RoomForServer {
  async function readOpenRoom(origin: ServerName, roomId: RoomId): Promise<Room> {
    const room = await needs.rooms.get(roomId)
    if (!room?.servers.has(needs.serverName)) throw notFound('This server is not in that room.')
    if (!isAllowedByAcl(room, origin)) throw forbidden('Your server is excluded from that room.')
    return room
  }
  return {
    readOpenRoom,
    async readSharedRoom(origin, roomId) {
      const room = await readOpenRoom(origin, roomId)
      if (!room.servers.has(origin)) throw forbidden('Your server is not in that room.')
      return room
    },
  }
}

export const isAllowedByAcl = (room: Room, server: ServerName): boolean =>
  isServerAllowed(room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content, server)
