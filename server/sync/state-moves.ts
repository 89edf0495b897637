/**
 * In which keys state resolution moved a room's state after a position: told by no event of the timeline, and
 * remembered with the room, so that a restart forgets none of it. A room that stood still costs no read.
 */
import type { Room } from '../rooms/room.js'
import type { Reader } from '../store/reader.js'
import { readMovedKeys } from '../store/state-move-store.js'

export type ReadMovesSince = (room: Room, position: number) => Promise<ReadonlySet<string>>

const none: ReadonlySet<string> = new Set()

export const makeReadMovesSince =
  (db: Reader): ReadMovesSince =>
  async (room, position) =>
    room.movedPosition > position ? new Set(await readMovedKeys(db, room.roomId, position)) : none
