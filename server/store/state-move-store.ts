/**
 * State moves: `state_move:[room_id, position]` holds the keys in which state resolution moved a room's current
 * state otherwise than by the event that was accepted there. No event of the timeline tells of them, so /sync
 * looks here for whoever was last told of an earlier position.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { StreamPosition, Write } from './writes.js'

export const insertStateMove = (roomId: RoomId, position: StreamPosition, keys: readonly string[]): Write => ({
  op: 'insert',
  table: 'state_move',
  row: { id: [roomId, position], keys: JSON.stringify(keys) },
})

/** Keys (`stateKeyOf`) that moved after a position; one may come twice. */
export async function readMovedKeys(db: Reader, roomId: RoomId, after: number): Promise<string[]> {
  const [rows] = await db.query<[string[]]>('SELECT VALUE keys FROM state_move:[$room, $from]..[$room, ..]', {
    room: roomId,
    from: after + 1,
  })
  return rows.flatMap((keys) => JSON.parse(keys) as string[])
}
