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
  /** The same, or one that all have left: whoever is still invited to it can decline here and nowhere else. */
  readRoomToLeave(origin: ServerName, roomId: RoomId): Promise<Room>
  /** An open room in which the origin has a joined member: else 403. */
  readSharedRoom(origin: ServerName, roomId: RoomId): Promise<Room>
}

type Needs = { serverName: ServerName; rooms: Pick<Rooms, 'get' | 'readServers'> }

export function makeRoomForServer(needs: Needs): RoomForServer {
  async function read(origin: ServerName, roomId: RoomId, mayBeEmpty: boolean): Promise<Room> {
    const room = await needs.rooms.get(roomId)
    const servers = room && (await needs.rooms.readServers(room))
    const isHere = servers?.has(needs.serverName) || (mayBeEmpty && servers?.size === 0)
    if (!room || !isHere) throw notFound('This server is not in that room.')
    if (!isAllowedByAcl(room, origin)) throw forbidden('Your server is excluded from that room.')
    return room
  }
  const readOpenRoom = (origin: ServerName, roomId: RoomId) => read(origin, roomId, false)

  return {
    readOpenRoom,
    readRoomToLeave: (origin, roomId) => read(origin, roomId, true),
    async readSharedRoom(origin, roomId) {
      const room = await readOpenRoom(origin, roomId)
      if (!(await needs.rooms.readServers(room)).has(origin)) throw forbidden('Your server is not in that room.')
      return room
    },
  }
}

export const isAllowedByAcl = (room: Room, server: ServerName): boolean =>
  isServerAllowed(room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content, server)
