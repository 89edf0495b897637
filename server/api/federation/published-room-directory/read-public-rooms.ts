/** What both forms of the directory request share: whether it is open to other servers at all. */
import { Type } from 'typebox'
import { forbidden } from '../../../kernel/errors.js'
import type { PublicRooms, PublicRoomsPage, PublicRoomsQuery } from '../../../rooms/public-rooms.js'

export type PublicRoomsNeeds = Pick<PublicRooms, 'listPublicRooms'> & {
  /** `federation.allow_public_rooms` */
  readonly allowPublicRooms: boolean
}

export const PublicRoomsSchema = Type.Object({
  chunk: Type.Array(Type.Unknown()),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  total_room_count_estimate: Type.Optional(Type.Integer()),
})

/** @throws MatrixError `M_FORBIDDEN` */
export function readPublicRooms(hs: PublicRoomsNeeds, query: PublicRoomsQuery): Promise<PublicRoomsPage> {
  if (!hs.allowPublicRooms) throw forbidden('This server shows its directory to its own users only.')
  return hs.listPublicRooms({ ...query, isForOthers: true })
}
