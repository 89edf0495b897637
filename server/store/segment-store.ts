/**
 * Segment store: `segment:[room_id, origin]`, the stretches of a room's timeline between holes (rooms/segments.ts).
 * Few per room, read with it. The newest has no `high`: that is the room's `max_seq`.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

export type SegmentRow = {
  origin: number
  depth: number
  position: number
  low: number
  high?: number
  below: 'start' | 'linked' | 'unknown'
  ends: readonly EventId[]
}

/** Oldest first. */
export async function readSegments(db: Reader, roomId: RoomId): Promise<SegmentRow[]> {
  const [rows] = await db.query<[SegmentRow[]]>(
    'SELECT origin, depth, position, low, high, below, ends FROM segment:[$room, NONE]..[$room, ..]',
    { room: roomId },
  )
  return rows
}

export const setSegment = (roomId: RoomId, { high, ...row }: SegmentRow): Write => ({
  op: 'upsert',
  table: 'segment',
  row: { id: [roomId, row.origin], ...row, ...(high === undefined ? {} : { high }) },
})
