/**
 * Room store: the `room` row, the current state and the state nodes of each room.
 *
 * The current state is `state:[room_id, generation, type, state_key]` with the event embedded, but for members
 * (member-store.ts), so that a room is read with one range; a room that is joined afresh gets its new state beside the
 * old, as the next generation. The state after each event is a *state node*: `state_node:[room_id, n]` holds what
 * changed against its parent, with what was there before, so that one walks from any node to any other by the rows
 * between. Now and then a node has a whole copy (`state_copy:[room_id, n]`) in chunks (`state_chunk:[room_id, n, i]`),
 * written behind it in pieces. Maps are kept as JSON strings: to the engine one opaque value.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { EventId, RoomId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { RoomSeq, RowId, StreamPosition, Write } from './writes.js'

export type RoomRow = {
  room_id: RoomId
  version: string
  create_event_id: EventId
  extremities: EventId[]
  state_node: number
  /** Which of the rows in `state` are the current state. */
  state_generation: number
  next_node: number
  /** Entries written into nodes since the last whole copy. */
  state_weight: number
  /** Entries of the current state, members included. */
  state_size: number
  joined_count: number
  invited_count: number
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

/** The current state of a room but for members, unordered. */
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

export const deleteStateEntry = ({ roomId, stateGeneration }: StateOwner, type: string, stateKey: string): Write => ({
  op: 'delete',
  table: 'state',
  id: [roomId, stateGeneration, type, stateKey],
})

type StateRowKey = [generation: number, ...rest: string[]]
const stateTables = ['state', 'state_member', 'room_server'] as const
export type OtherStateRow = { table: (typeof stateTables)[number]; id: (string | number)[] }

/** Rows of states that are not, or not any more, the room's current one: of one table at a time. */
export async function readOtherStateRows(
  db: Reader,
  roomId: RoomId,
  current: number | undefined,
  limit: number,
): Promise<OtherStateRow[]> {
  const bindings = { room: roomId, current: current ?? 0, next: current === undefined ? 0 : current + 1, limit }
  for (const table of stateTables) {
    const [below, above] = await db.query<[StateRowKey[], StateRowKey[]]>(
      `SELECT VALUE array::slice(record::id(id), 1) FROM ${table}:[$room, NONE]..[$room, $current] LIMIT $limit;
       SELECT VALUE array::slice(record::id(id), 1) FROM ${table}:[$room, $next]..[$room, ..] LIMIT $limit`,
      bindings,
    )
    if (below.length + above.length > 0) return [...below, ...above].map((rest) => ({ table, id: [roomId, ...rest] }))
  }
  return []
}

/** What each entry is, and what it was in the parent; null: nothing. */
export type NodeEntries = Record<string, readonly [is: EventId | null, was: EventId | null]>
/** A node whose parent is itself is a first one: its entries stand on nothing, or it has a copy. */
export type StateNodeRow = { n: number; parent: number; entries: NodeEntries }

type StoredNodeRow = { n: number; parent: number; entries: string }

/** The rows of some consecutive nodes of a room, both ends inclusive, ascending; `bytes` is about what each takes. */
export async function readStateNodeRows(
  db: Reader,
  roomId: RoomId,
  from: number,
  to: number,
): Promise<(StateNodeRow & { bytes: number })[]> {
  const [rows] = await db.query<[StoredNodeRow[]]>(
    'SELECT n, parent, entries FROM state_node:[$room, $from]..=[$room, $to]',
    { room: roomId, from, to },
  )
  return rows.map(({ n, parent, entries }) => ({ n, parent, entries: JSON.parse(entries), bytes: entries.length }))
}

export const insertStateNode = (roomId: RoomId, { entries, ...row }: StateNodeRow): Write => ({
  op: 'insert',
  table: 'state_node',
  row: { id: [roomId, row.n], ...row, entries: JSON.stringify(entries) },
})

/** The state of node `n` is there whole too, in so many chunks `state_chunk:[room_id, n, 0]` and up. */
export type StateCopyRow = { n: number; chunks: number }

/** Of nodes up to that one. */
export async function readStateCopies(db: Reader, roomId: RoomId, upTo: number): Promise<StateCopyRow[]> {
  const [rows] = await db.query<[StateCopyRow[]]>('SELECT n, chunks FROM state_copy:[$room, NONE]..=[$room, $upTo]', {
    room: roomId,
    upTo,
  })
  return rows
}

export async function readStateChunk(
  db: Reader,
  roomId: RoomId,
  n: number,
  index: number,
): Promise<Record<string, EventId>> {
  const [rows] = await db.query<[{ entries: string }[]]>(
    'SELECT * FROM type::record("state_chunk", [$room, $n, $index])',
    { room: roomId, n, index },
  )
  if (!rows[0]) throw new Error(`chunk ${index} of the state of node ${n} of ${roomId} is missing`)
  return JSON.parse(rows[0].entries)
}

/** A chunk may be there already, from a copy that was not finished. */
export const setStateChunk = (roomId: RoomId, n: number, index: number, entries: Record<string, EventId>): Write => ({
  op: 'upsert',
  table: 'state_chunk',
  row: { id: [roomId, n, index], entries: JSON.stringify(entries) },
})

/** Chunks between two copies, both exclusive, which are of none: of a copy that was cut off. */
export async function readStrayChunks(db: Reader, roomId: RoomId, after: number, before: number): Promise<RowId[]> {
  const [ids] = await db.query<[RowId[]]>(
    'SELECT VALUE record::id(id) FROM state_chunk:[$room, $from, NONE]..[$room, $before, NONE]',
    { room: roomId, from: after + 1, before },
  )
  return ids
}

/** Once all its chunks are durable. */
export const setStateCopy = (roomId: RoomId, row: StateCopyRow): Write => ({
  op: 'upsert',
  table: 'state_copy',
  row: { id: [roomId, row.n], ...row },
})
