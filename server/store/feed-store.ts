/**
 * Feed store: what each stream position was, in small scalars: enough to read the rest again.
 *
 * The commit queue writes one row per position in the transaction that uses it, so the feed has no gap: a
 * reader that finds one knows it has to look again. The projector resumes from it, other nodes follow it,
 * and its highest id is the stream position at start.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { RecordId } from 'surrealdb'
import type { Reader } from './reader.js'
import { idRange, recordId } from './rpc.js'
import { type Change, type Row, type StreamPosition, upsertRow, type Write } from './writes.js'

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
  is_current_state?: boolean
  historical?: boolean
  is_local?: boolean
}
/** `more` holds further changes that share the position. */
type FeedRow = FeedChange & { id: number; more?: FeedChange[] }
export type FeedEntry = FeedChange & { position: StreamPosition }

/**
 * One row for each position from `first` to `last`, both inclusive.
 *
 * @throws RangeError when a change has a position that is not among them
 */
export function feedRows(first: number, last: number, changes: readonly Change[]): Row[] {
  const rows: FeedRow[] = []
  for (let position = first; position <= last; position++) rows.push({ id: position, kind: 'none' })
  for (const change of changes) {
    const row = rows[change.position - first]
    if (!row) throw new RangeError(`change at position ${change.position}; given out were ${first} to ${last}`)
    if (row.kind === 'none') Object.assign(row, feedChange(change))
    else row.more = [...(row.more ?? []), feedChange(change)]
  }
  return rows
}

/**
 * Changes after `after`, in order, at most `limit` positions of them. Positions are dense, so an entry that
 * is missing in the answer is missing in the feed (pruned).
 */
export async function readFeed(db: Reader, after: number, limit: number): Promise<FeedEntry[]> {
  const [rows] = await db.query<[(FeedChange & { position: number; more?: FeedChange[] })[]]>(
    'SELECT *, record::id(id) AS position OMIT id FROM $range',
    { range: idRange('feed', after + 1, after + 1 + limit) },
  )
  return rows.flatMap(({ position, more, ...first }) =>
    [first, ...(more ?? [])].map((change) => ({ ...change, position: position as StreamPosition })),
  )
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
  const [oldest] = await db.query<[{ id: RecordId<'feed', number> }[]]>('SELECT id FROM feed ORDER BY id LIMIT 1')
  return oldest[0]?.id.id
}

/**
 * Forgets the changes before `position`, when nobody will resume from there any more.
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
        user_id: change.sender,
        type: change.type,
        is_current_state: change.isCurrentState,
        historical: change.historical,
        is_local: change.isLocal,
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
