/**
 * The search index: for each event that can be found `search_document:[room_id, seq]`, its words, and for each of them
 * `search_token:[room_id, word, -seq]`, so that a range of one is the newest events of a room that have the word.
 *
 * The engine reads a range whole, whatever the limit, so ranges are bounded by seq.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RecordId } from 'surrealdb'
import type { SearchKey } from '../events/searched-text.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange, recordId } from './rpc.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type SearchDocument = {
  event_id: EventId
  sender: UserId
  key: SearchKey
  /** When it was sent, as it says. */
  ts: number
  words: string[]
  /** Place of the edit that the words are of. */
  edit_seq?: number | undefined
}
export type Place = { roomId: RoomId; seq: number }
/** Of one room, both ends inclusive. */
export type SeqWindow = { roomId: RoomId; low: number; high: number }

/** Those that are there, in no particular order. */
export async function readDocuments(db: Reader, places: readonly Place[]): Promise<(SearchDocument & Place)[]> {
  if (places.length === 0) return []
  const [rows] = await db.query<[(SearchDocument & { id: RecordId<string, [RoomId, number]> })[]]>(
    'SELECT * FROM $ids',
    { ids: places.map(({ roomId, seq }) => recordId('search_document', [roomId, seq])) },
  )
  return rows.map(({ id, ...row }) => ({ ...row, roomId: id.id[0], seq: id.id[1] }))
}

/** Places of the events in each window that have the word, newest first. */
export async function readTokens(db: Reader, word: string, windows: readonly SeqWindow[]): Promise<number[][]> {
  if (windows.length === 0) return []
  const bindings: Record<string, unknown> = {}
  for (const [at, { roomId, low, high }] of windows.entries())
    bindings[`w${at}`] = idRange('search_token', [roomId, word, -high], [roomId, word, -low + 1])
  const sql = windows.map((_, at) => `SELECT VALUE record::id(id)[2] FROM $w${at}`).join(';')
  const answers = await db.query<number[][]>(sql, bindings)
  return answers.map((places) => places.map((place) => -place))
}

/** Those of the places whose events have the word. */
export async function readHaving(db: Reader, word: string, places: readonly Place[]): Promise<Set<string>> {
  if (places.length === 0) return new Set()
  const [found] = await db.query<[{ id: RecordId<string, [RoomId, string, number]> }[]]>('SELECT * FROM $ids', {
    ids: places.map(({ roomId, seq }) => recordId('search_token', [roomId, word, -seq])),
  })
  return new Set(found.map(({ id: { id } }) => placeKey({ roomId: id[0], seq: -id[2] })))
}

export const placeKey = ({ roomId, seq }: Place): string => `${roomId} ${seq}`

/** The writes by which an event is found by other words than before, or by none any more. */
export function documentWrites(
  { roomId, seq }: Place,
  before: readonly string[],
  after: SearchDocument | undefined,
): Write[] {
  const [had, has] = [new Set(before), new Set(after?.words)]
  const token = (word: string) => [roomId, word, -seq] as const
  const added = [...has].filter((word) => !had.has(word))
  const removed = [...had].filter((word) => !has.has(word))
  return [
    ...removed.map((word) => deleteRow('search_token', token(word))),
    ...added.map((word): Write => ({ op: 'insertMissing', table: 'search_token', row: { id: token(word) } })),
    after
      ? upsertRow('search_document', { id: [roomId, seq], ...after, edit_seq: after.edit_seq })
      : deleteRow('search_document', [roomId, seq]),
  ]
}

/** How far down each room has been gone through, while the index is written anew. */
export async function readSearchProgress(db: Reader): Promise<Map<RoomId, number>> {
  const [rows] = await db.query<[{ room_id: RoomId; low: number }[]]>(
    'SELECT record::id(id) AS room_id, low FROM search_progress',
  )
  return new Map(rows.map(({ room_id, low }) => [room_id, low]))
}

export const setSearchProgress = (roomId: RoomId, low: number): Write =>
  upsertRow('search_progress', { id: roomId, low })
