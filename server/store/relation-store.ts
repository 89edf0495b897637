/**
 * Relation store: which events relate to which, `relation:[room_id, parent, rel_type, seq]`, and the replies of all
 * threads of a room in the order of the room, `thread_reply:[room_id, seq]`. Rows are written with the event, deleted
 * with its redaction, and read here.
 *
 * Schema: schema/migrations/0002-rooms.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type RoomSeq, type Write } from './writes.js'

const threads = 'm.thread'

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

export const insertRelation = (
  roomId: RoomId,
  parent: EventId,
  relType: string,
  seq: RoomSeq,
  row: { event_id: EventId; sender: UserId; type: string; ts: number },
): Write[] => [
  insertRow('relation', { id: [roomId, parent, relType, seq], ...row }),
  ...(relType === threads
    ? [
        insertRow('thread_reply', {
          ...{ id: [roomId, seq], room_id: roomId, place: -seq, root: parent, sender: row.sender },
        }),
      ]
    : []),
]

export const deleteRelation = (roomId: RoomId, parent: EventId, relType: string, seq: RoomSeq): Write[] => [
  deleteRow('relation', [roomId, parent, relType, seq]),
  ...(relType === threads ? [deleteRow('thread_reply', [roomId, seq])] : []),
]

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

/** Those of the events that something relates to. */
export async function readRelated(db: Reader, roomId: RoomId, parents: readonly EventId[]): Promise<EventId[]> {
  if (parents.length === 0) return []
  const statements = parents.map(
    (_, at) => `SELECT VALUE 1 FROM relation:[$room, $parent${at}, NONE]..[$room, $parent${at}, ..] LIMIT 1`,
  )
  const bindings = Object.fromEntries(parents.map((parent, at) => [`parent${at}`, parent]))
  const results = await db.query<number[][]>(statements.join(';'), { room: roomId, ...bindings })
  return parents.filter((_, at) => (results[at]?.length ?? 0) > 0)
}

/** The annotations of an event by one user with events of one type. */
export async function readAnnotations(
  db: Reader,
  { roomId, parent, sender, type }: { roomId: RoomId; parent: EventId; sender: UserId; type: string },
): Promise<EventId[]> {
  const [ids] = await db.query<[EventId[]]>(
    `SELECT VALUE event_id FROM relation:[$room, $parent, 'm.annotation', NONE]..[$room, $parent, 'm.annotation', ..]
     WHERE sender = $sender AND type = $type`,
    { room: roomId, parent, sender, type },
  )
  return ids
}

/** One user's part in a thread: how many replies, and the newest of them. */
export type ThreadPart = { sender: UserId; count: number; last: RoomSeq }
export type Children = {
  /** Events that may be edits of it: by its sender, of its type; the newest first. */
  edits: { event_id: EventId }[]
  references: { event_id: EventId; sender: UserId }[]
  thread: ThreadPart[]
}
export type Parent = { eventId: EventId; sender: UserId; type: string }

/** No message is edited so often that the newest twenty edits are all void, nor referred to by more. */
const most = { edits: 20, references: 500 } as const

/**
 * What is aggregated of the children of each event, in the order given.
 *
 * @param upTo the newest place in the room that counts
 */
export async function readChildren(
  db: Reader,
  roomId: RoomId,
  parents: readonly Parent[],
  upTo?: number,
): Promise<Children[]> {
  if (parents.length === 0) return []
  const statements = parents.flatMap((_, at) => {
    const range = (relType: string) => {
      const prefix = `$room, $parent${at}, '${relType}'`
      return upTo === undefined
        ? `relation:[${prefix}, NONE]..[${prefix}, ..]`
        : `relation:[${prefix}, NONE]..=[${prefix}, $up_to]`
    }
    return [
      `SELECT event_id, ts FROM ${range('m.replace')} WHERE sender = $sender${at} AND type = $type${at}
       ORDER BY ts DESC, event_id DESC LIMIT ${most.edits}`,
      `SELECT event_id, sender FROM ${range('m.reference')} LIMIT ${most.references}`,
      `SELECT sender, count() AS count, math::max(record::id(id)[3]) AS last FROM ${range('m.thread')} GROUP BY sender`,
    ]
  })
  const bindings: Record<string, unknown> = { room: roomId, up_to: upTo }
  for (const [at, { eventId, sender, type }] of parents.entries())
    Object.assign(bindings, { [`parent${at}`]: eventId, [`sender${at}`]: sender, [`type${at}`]: type })
  const results = await db.query<unknown[]>(statements.join(';'), bindings)
  return parents.map((_, at) => ({
    edits: results[at * 3] as Children['edits'],
    references: results[at * 3 + 1] as Children['references'],
    thread: results[at * 3 + 2] as ThreadPart[],
  }))
}

/** Events of threads by their place in them; what is not there (any more) is left out. */
export async function readThreadEvents(
  db: Reader,
  roomId: RoomId,
  places: readonly { root: EventId; seq: number }[],
): Promise<EventId[]> {
  if (places.length === 0) return []
  const statements = places.map(
    (_, at) => `SELECT VALUE event_id FROM ONLY relation:[$room, $root${at}, 'm.thread', $seq${at}]`,
  )
  const bindings: Record<string, unknown> = { room: roomId }
  for (const [at, { root, seq }] of places.entries())
    Object.assign(bindings, { [`root${at}`]: root, [`seq${at}`]: seq })
  const results = await db.query<(EventId | null | undefined)[]>(statements.join(';'), bindings)
  return results.flatMap((id) => id ?? [])
}

export type ThreadReply = { seq: RoomSeq; root: EventId; sender: UserId }

/** Replies before a place of the room, of whatever thread, the newest first. */
export async function readThreadReplies(
  db: Reader,
  roomId: RoomId,
  before: number,
  limit: number,
): Promise<ThreadReply[]> {
  const [rows] = await db.query<[ThreadReply[]]>(
    `SELECT record::id(id)[1] AS seq, root, sender FROM thread_reply WITH INDEX thread_reply_place
     WHERE room_id = $room AND place > $place LIMIT $limit`,
    { room: roomId, place: -before, limit },
  )
  return rows
}

/** Who replied in each of the threads from a place of the room on, in the order given; at most `limit` each. */
export async function readRepliersSince(
  db: Reader,
  roomId: RoomId,
  roots: readonly EventId[],
  { from, limit }: { from: number; limit: number },
): Promise<UserId[][]> {
  if (roots.length === 0) return []
  const statements = roots.map(
    (_, at) => `SELECT VALUE sender FROM thread_reply WITH INDEX thread_reply_root
                WHERE room_id = $room AND root = $root${at} AND place <= $place LIMIT $limit`,
  )
  const bindings = Object.fromEntries(roots.map((root, at) => [`root${at}`, root]))
  return db.query<UserId[][]>(statements.join(';'), { room: roomId, place: -from, limit, ...bindings })
}
