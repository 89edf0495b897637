/** What both forms of the directory request share: whose directory, and who may see it. */
import { Type } from 'typebox'
import { MatrixError } from '../../../kernel/errors.js'
import type { ServerName } from '../../../kernel/identifiers.js'
import type { PublicRooms, PublicRoomsPage, PublicRoomsQuery } from '../../../rooms/public-rooms.js'
import type { Requester } from '../../../users/requester.js'

export type PublicRoomsNeeds = Pick<PublicRooms, 'listPublicRooms'> & {
  readonly serverName: ServerName
  /** `room_directory.public_without_auth` */
  readonly directoryWithoutAuth: boolean
  /** As the other server answers; its rooms are passed on as they are. */
  queryRemotePublicRooms: (server: ServerName, query: PublicRoomsQuery) => Promise<RemotePage>
}
type RemotePage = Omit<PublicRoomsPage, 'chunk' | 'total_room_count_estimate'> & {
  chunk: unknown[]
  total_room_count_estimate?: number
}

export const PublicRoomsResponseSchema = Type.Object({
  chunk: Type.Array(Type.Unknown()),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  total_room_count_estimate: Type.Optional(Type.Integer()),
})

/** @throws MatrixError `M_MISSING_TOKEN` where the directory is for this server's users only */
export function readPublicRooms(
  hs: PublicRoomsNeeds,
  requester: Requester | undefined,
  server: ServerName | undefined,
  query: PublicRoomsQuery,
): Promise<PublicRoomsPage | RemotePage> {
  if (!requester && !hs.directoryWithoutAuth)
    throw new MatrixError(401, 'M_MISSING_TOKEN', 'This server shows its directory to its own users only')
  return server && server !== hs.serverName ? hs.queryRemotePublicRooms(server, query) : hs.listPublicRooms(query)
}
