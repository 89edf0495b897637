/**
 * Feed store: what each stream position was, in small scalars: enough to read the rest again.
 *
 * The commit queue writes it in the transaction that uses the positions, so the feed has no gap: a reader that finds
 * one knows it has to look again. A batch's changes share a row, since a row costs the engine more than what is in it.
 * The projector resumes from the feed, other nodes follow it, and its highest id is the stream position at start.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RecordId } from 'surrealdb'
import type { Reader } from './reader.js'
import { idRange, recordId } from './rpc.js'
import type { Size } from './write-size.js'
import { type Change, insertRow, type StreamPosition, upsertRow, type Write } from './writes.js'

/** One change as the feed remembers it. Fields are those of `Change` that are small; names as in the tables. */
export type FeedChange = {
  /** `none` where a position was given out and no change was told. */
  kind: Change['kind'] | 'none'
  room_id?: string
  event_id?: string
  seq?: number
  user_id?: string
  device_id?: string
  type?: string
  state_key?: string
  membership?: string
  receipt_type?: string
  thread_id?: string
  redacted_by?: string
  /** What was redacted related to this until then. */
  related_to?: string
  is_current_state?: boolean
  historical?: boolean
  is_local?: boolean
}
export type FeedEntry = FeedChange & { position: StreamPosition }

/** Positions of one row at most: so far away at most is the row that holds a position. */
const positionsPerRow = 256

/** The feed of one unit: JSON text of each change, to be put into rows with those of the rest of its batch. */
export type FeedPart = { position: StreamPosition; json: string }

/**
 * @param first, last positions that were given out for these changes, both inclusive
 * @throws RangeError when a change has a position that is not among them
 */
export function feedParts(first: number, last: number, changes: readonly Change[]): FeedPart[] {
  return changes.map((change) => {
    const { position } = change
    if (!(position >= first && position <= last))
      throw new RangeError(`change at position ${position}; given out were ${first} to ${last}`)
    return { position, json: JSON.stringify({ position, ...feedChange(change) }) }
  })
}

/** What the rows of these will take. */
export const sizeOfFeed = (first: number, last: number, parts: readonly FeedPart[]): Size => ({
  bytes: parts.reduce((sum, { json }) => sum + Buffer.byteLength(json) + 1, 0),
  rows: Math.ceil((last - first + 1) / positionsPerRow),
})

/** The rows for all positions from `first` to `last`, both inclusive; none where none was given out. */
export function feedWrites(first: number, last: number, parts: readonly FeedPart[]): Write[] {
  const writes: Write[] = []
  for (let from = first; from <= last; from += positionsPerRow) {
    const to = Math.min(last, from + positionsPerRow - 1)
    const own = parts.filter(({ position }) => position >= from && position <= to)
    writes.push(insertRow('feed', { id: to, first: from, changes: `[${own.map(({ json }) => json).join(',')}]` }))
  }
  return writes
}

/**
 * Changes after `after`, in order, at most `limit` positions of them; a position of which no change was told has an
 * entry too. Positions are dense, so one that is missing in the answer is missing in the feed (pruned).
 */
export async function readFeed(db: Reader, after: number, limit: number): Promise<FeedEntry[]> {
  const [rows] = await db.query<[{ first: number; last: number; changes: string }[]]>(
    'SELECT first, record::id(id) AS last, changes FROM $range',
    { range: idRange('feed', after + 1, after + limit + positionsPerRow) },
  )
  return rows.flatMap(({ first, last, changes }) => {
    const from = Math.max(first, after + 1)
    const entries: FeedEntry[][] = []
    for (let position = from; position <= Math.min(last, after + limit); position++) entries.push([])
    for (const entry of JSON.parse(changes) as FeedEntry[]) entries[entry.position - from]?.push(entry)
    const none = (n: number): FeedEntry => ({ position: (from + n) as StreamPosition, kind: 'none' })
    return entries.flatMap((told, n) => (told.length > 0 ? told : [none(n)]))
  })
}

/** The last durable position; 0 in a new database. */
export async function readStreamPosition(db: Reader): Promise<number> {
  const [newest, remembered] = await db.query<[{ id: RecordId<'feed', number> }[], number | undefined]>(
    'SELECT id FROM feed ORDER BY id DESC LIMIT 1; RETURN $meta.position',
    { meta: recordId('server_meta', 'stream_position') },
  )
  return Math.max(newest[0]?.id.id ?? 0, remembered ?? 0)
}

/** The first position that the feed remembers; undefined for an empty one. */
export async function readFeedStart(db: Reader): Promise<number | undefined> {
  const [oldest] = await db.query<[{ id: RecordId<'feed', number>; first: number }[]]>(
    'SELECT id, first FROM feed ORDER BY id LIMIT 1',
  )
  return oldest[0]?.first
}

/**
 * Forgets the changes before `position`, when nobody will resume from there any more; those that share a row with a
 * later one go with that.
 *
 * @param newest the last position that is durable; remembered apart, so that the feed may even be emptied
 */
export const deleteFeedBefore = (position: StreamPosition, newest: StreamPosition): Write[] => [
  { op: 'deleteRange', table: 'feed', from: 0, to: position },
  upsertRow('server_meta', { id: 'stream_position', position: newest }),
]

function feedChange(change: Change): FeedChange {
  const { kind } = change
  switch (kind) {
    case 'event':
      return {
        kind,
        room_id: change.roomId,
        event_id: change.eventId,
        seq: change.seq,
        type: change.type,
        ...(change.isCurrentState && { is_current_state: true }),
        ...(change.historical && { historical: true }),
        ...(change.stateKey !== undefined && { state_key: change.stateKey }),
      }
    case 'state':
      return { kind, room_id: change.roomId }
    case 'redaction':
      return {
        kind,
        room_id: change.roomId,
        event_id: change.eventId,
        seq: change.seq,
        redacted_by: change.redactedBy,
        ...(change.relatedTo !== undefined && { related_to: change.relatedTo }),
      }
    case 'membership':
      return { kind, room_id: change.roomId, user_id: change.userId, membership: change.membership }
    case 'receipt':
      return {
        kind,
        room_id: change.roomId,
        user_id: change.userId,
        receipt_type: change.receiptType,
        event_id: change.eventId,
        is_local: change.isLocal,
        ...(change.threadId !== undefined && { thread_id: change.threadId }),
      }
    case 'account_data':
      return {
        kind,
        user_id: change.userId,
        type: change.type,
        ...(change.roomId !== undefined && { room_id: change.roomId }),
      }
    case 'to_device':
    case 'key_counts':
      return { kind, user_id: change.userId, device_id: change.deviceId }
    case 'lasting_edu':
      return { kind }
    case 'device_list':
    case 'profile':
      return { kind, user_id: change.userId }
  }
}
