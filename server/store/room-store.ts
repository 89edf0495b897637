/**
 * Room store: the `room` row, the current state and the state nodes of each room.
 *
 * The current state is `state:[room_id, generation, type, state_key]` with the event embedded, so that a room is
 * read with one range; a room that is joined afresh gets its new state beside the old, as the next generation. The state after older events is a *state node*: `state_node:[room_id, n]`
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
  /** Which of the rows in `state` are the current state. */
  state_generation: number
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
export async function readCurrentState(db: Reader, roomId: RoomId, generation: number): Promise<StateRow[]> {
  const [rows] = await db.query<[StateRow[]]>(
    'SELECT event_id, pdu FROM state:[$room, $generation, NONE]..[$room, $generation, ..]',
    { room: roomId, generation },
  )
  return rows
}

/** A room as the owner of a state. */
export type StateOwner = { roomId: RoomId; stateGeneration: number }

export const setStateEntry = (
  { roomId, stateGeneration }: StateOwner,
  type: string,
  stateKey: string,
  entry: { event_id: EventId; sender: string; position: StreamPosition; pdu: string },
): Write => ({ op: 'upsert', table: 'state', row: { id: [roomId, stateGeneration, type, stateKey], ...entry } })

export const deleteStateEntry = (roomId: RoomId, generation: number, type: string, stateKey: string): Write => ({
  op: 'delete',
  table: 'state',
  id: [roomId, generation, type, stateKey],
})

type StateRowKey = [generation: number, type: string, stateKey: string]

/** Rows of states that are not, or not any more, the room's current one. */
export async function readOtherStateKeys(
  db: Reader,
  roomId: RoomId,
  current: number | undefined,
  limit: number,
): Promise<StateRowKey[]> {
  const [below, above] = await db.query<[StateRowKey[], StateRowKey[]]>(
    `SELECT VALUE array::slice(record::id(id), 1) FROM state:[$room, NONE]..[$room, $current] LIMIT $limit;
     SELECT VALUE array::slice(record::id(id), 1) FROM state:[$room, $next]..[$room, ..] LIMIT $limit`,
    { room: roomId, current: current ?? 0, next: current === undefined ? 0 : current + 1, limit },
  )
  return [...below, ...above]
}

/** `entries`: the changes against `parent`, or the whole state where `full_at` is the node's own number. */
export type StateNodeRow = {
  n: number
  parent: number
  full_at: number
  weight: number
  entries: Record<string, EventId | null>
}

type StoredNodeRow = Omit<StateNodeRow, 'entries'> & { entries: string }
const parseNodeRow = (row: StoredNodeRow): StateNodeRow => ({ ...row, entries: JSON.parse(row.entries) })

/** A node's own row; undefined where there is no such node. */
export async function readStateNodeRow(db: Reader, roomId: RoomId, n: number): Promise<StateNodeRow | undefined> {
  const [rows] = await db.query<[StoredNodeRow[]]>('SELECT * FROM type::record("state_node", [$room, $n])', {
    room: roomId,
    n,
  })
  return rows[0] && parseNodeRow(rows[0])
}

/** A node's chain from its full copy on, ascending; forks of the chain may lie between, the caller follows `parent`. */
export async function readStateNodeChain(db: Reader, roomId: RoomId, n: number): Promise<StateNodeRow[]> {
  const last = await readStateNodeRow(db, roomId, n)
  if (!last || last.full_at === n) return last ? [last] : []
  const [rows] = await db.query<[StoredNodeRow[]]>('SELECT * FROM state_node:[$room, $from]..[$room, $n]', {
    room: roomId,
    from: last.full_at,
    n,
  })
  return [...rows.map(parseNodeRow), last]
}

export const insertStateNode = (roomId: RoomId, { entries, ...row }: StateNodeRow): Write => ({
  op: 'insert',
  table: 'state_node',
  row: { id: [roomId, row.n], ...row, entries: JSON.stringify(entries) },
})
