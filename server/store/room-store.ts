/**
 * Room store: the `room` row, the current state and the state nodes of each room.
 *
 * The current state is `state:[room_id, type, state_key]` with the event embedded, so that a room is
 * read with one range. The state after older events is a *state node*: `state_node:[room_id, n]`
 * holds what changed against its parent and the number of the full copy its chain begins with;
 * a chain is read with one range, and a full copy is written when it has grown long against the
 * size of the state. Maps are kept as JSON strings: to the engine one opaque value.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { RoomSeq, StreamPosition, Write } from './writes.js'

export type RoomRow = {
  room_id: RoomId
  version: string
  create_event_id: EventId
  extremities: EventId[]
  state_node: number
  next_node: number
  max_seq: RoomSeq
  min_seq: RoomSeq
  last_position: StreamPosition
  /** Position of the last state move (state-move-store.ts); absent where there was none. */
  moved_position?: StreamPosition
  history_complete: boolean
  partial_state: boolean
}

export async function readRoomRow(db: Reader, roomId: RoomId): Promise<RoomRow | undefined> {
  const [rows] = await db.query<[RoomRow[]]>('SELECT * FROM type::record("room", $room)', { room: roomId })
  return rows[0]
}

/** Last position of every room, for /sync to pass over quiet rooms without a read. */
export async function readRoomPositions(db: Reader): Promise<{ room_id: RoomId; last_position: StreamPosition }[]> {
  const [rows] = await db.query<[{ room_id: RoomId; last_position: StreamPosition }[]]>(
    'SELECT room_id, last_position FROM room',
  )
  return rows
}

/** Sets the given members of the room's row. */
export const setRoom = (roomId: RoomId, fields: Partial<RoomRow>): Write => ({
  op: 'upsert',
  table: 'room',
  row: { id: roomId, ...fields },
})

export type StateRow = { event_id: EventId; pdu: string }

/** The whole current state of a room, unordered. */
export async function readCurrentState(db: Reader, roomId: RoomId): Promise<StateRow[]> {
  const [rows] = await db.query<[StateRow[]]>('SELECT event_id, pdu FROM state:[$room, NONE]..[$room, ..]', {
    room: roomId,
  })
  return rows
}

export const setStateEntry = (
  roomId: RoomId,
  type: string,
  stateKey: string,
  entry: { event_id: EventId; sender: string; position: StreamPosition; pdu: string },
): Write => ({ op: 'upsert', table: 'state', row: { id: [roomId, type, stateKey], ...entry } })

export const deleteStateEntry = (roomId: RoomId, type: string, stateKey: string): Write => ({
  op: 'delete',
  table: 'state',
  id: [roomId, type, stateKey],
})

/** `entries`: the changes against `parent`, or the whole state where `full_at` is the node's own number. */
export type StateNodeRow = { n: number; parent: number; full_at: number; entries: Record<string, EventId | null> }

/** A node's chain from its full copy on, ascending; forks of the chain may lie between, the caller follows `parent`. */
export async function readStateNodeChain(db: Reader, roomId: RoomId, n: number): Promise<StateNodeRow[]> {
  type Stored = { n: number; parent: number; full_at: number; entries: string }
  const [head] = await db.query<[Stored[]]>('SELECT * FROM type::record("state_node", [$room, $n])', {
    room: roomId,
    n,
  })
  const last = head[0]
  if (!last) return []
  const parse = (row: Stored): StateNodeRow => ({ ...row, entries: JSON.parse(row.entries) })
  if (last.full_at === n) return [parse(last)]
  const [rows] = await db.query<[Stored[]]>('SELECT * FROM state_node:[$room, $from]..[$room, $n]', {
    room: roomId,
    from: last.full_at,
    n,
  })
  return [...rows.map(parse), parse(last)]
}

export const insertStateNode = (roomId: RoomId, { entries, ...row }: StateNodeRow): Write => ({
  op: 'insert',
  table: 'state_node',
  row: { id: [roomId, row.n], ...row, entries: JSON.stringify(entries) },
})
