/** A path's `{roomIdOrAlias}`: the room it means and the servers that may know it. */
import { invalidParam } from '../../../kernel/errors.js'
import {
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  type RoomId,
  type ServerName,
} from '../../../kernel/identifiers.js'
import type { RoomAliases } from '../../../rooms/room-aliases.js'

/** @throws MatrixError `M_INVALID_PARAM`, `M_NOT_FOUND` */
export async function resolveRoom(
  hs: Pick<RoomAliases, 'resolveAlias'>,
  roomIdOrAlias: string,
  via: readonly string[] = [],
): Promise<{ roomId: RoomId; via: ServerName[] }> {
  const servers = via.flatMap((name) => parseServerName(name) ?? [])
  const roomId = parseRoomId(roomIdOrAlias)
  if (roomId) return { roomId, via: servers }
  const alias = parseRoomAlias(roomIdOrAlias)
  if (!alias) throw invalidParam('The path names neither a room ID nor a room alias')
  const resolved = await hs.resolveAlias(alias)
  return { roomId: resolved.roomId, via: [...servers, ...resolved.servers] }
}
