/**
 * Relation store: which events relate to which, `relation:[room_id, parent, rel_type, seq]`. Rows are written
 * with the event (event-store.ts) and read here.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import type { RoomSeq } from './writes.js'

export type RelationRow = {
  parent: EventId
  rel_type: string
  seq: RoomSeq
  event_id: EventId
  sender: UserId
  type: string
}

const columns =
  'record::id(id)[1] AS parent, record::id(id)[2] AS rel_type, record::id(id)[3] AS seq, event_id, sender, type'

/** What relates directly to the events, by any relation or by one; unordered. */
export async function readRelations(
  db: Reader,
  roomId: RoomId,
  parents: readonly EventId[],
  relType?: string,
): Promise<RelationRow[]> {
  if (parents.length === 0) return []
  const prefix = (at: number) => `$room, $parent${at}${relType === undefined ? '' : ', $rel'}`
  const statements = parents.map(
    (_, at) => `SELECT ${columns} FROM relation:[${prefix(at)}, NONE]..[${prefix(at)}, ..]`,
  )
  const bindings = Object.fromEntries(parents.map((parent, at) => [`parent${at}`, parent]))
  const results = await db.query<RelationRow[][]>(statements.join(';'), { room: roomId, rel: relType, ...bindings })
  return results.flat()
}

/** Every event of the room that is in a thread; unordered. Reads all relations of the room. */
export async function readThreadRelations(db: Reader, roomId: RoomId): Promise<RelationRow[]> {
  const [rows] = await db.query<[RelationRow[]]>(
    `SELECT ${columns} FROM relation:[$room, NONE]..[$room, ..] WHERE record::id(id)[2] = 'm.thread'`,
    { room: roomId },
  )
  return rows
}
