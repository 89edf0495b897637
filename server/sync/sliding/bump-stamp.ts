/**
 * When something was last said in a room, by which clients order rooms: of what joins and settings do, nobody wants a
 * room to come up. Looked for in the room's newest events, which are in memory; what was found before is remembered.
 */
import { LRUCache } from 'lru-cache'
import type { RoomId } from '../../kernel/identifiers.js'
import type { Room } from '../../rooms/room.js'

const bumpTypes = new Set([
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'm.beacon_info',
])
const roomsKept = 20_000

export type BumpStamps = {
  /** A stream position. @param fallback where nothing is known of it */
  of(room: Room, fallback: number): number
  /** What is known without the room. */
  known(roomId: RoomId): number | undefined
}

export function makeBumpStamps(): BumpStamps {
  const stamps = new LRUCache<RoomId, number>({ max: roomsKept })
  return {
    known: (roomId) => stamps.get(roomId),
    of(room, fallback) {
      const found = room.recent.findLast(({ pdu }) => bumpTypes.has(pdu.type))?.position ?? 0
      const stamp = Math.max(found, stamps.get(room.roomId) ?? 0)
      if (stamp === 0) return fallback
      stamps.set(room.roomId, stamp)
      return stamp
    },
  }
}
