/**
 * What waits for push gateways: a row for each event and pusher, from when the event was judged to be notified of until the gateway
 * has taken it, and how a pusher's gateway has been doing.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

/** What a pusher is known by. */
export type PusherKey = { userId: UserId; appId: string; pushkey: string }

export type PushRow = {
  position: number
  room_id: RoomId
  event_id: EventId
  /** Absent for an invitation to a room that is not here. */
  seq?: number
  /** JSON text of the actions of the rule that matched. */
  actions: string
  /** When it was judged, in milliseconds since the epoch. */
  ts: number
}

const idOf = ({ userId, appId, pushkey }: PusherKey) => [userId, appId, pushkey] as const

/** The oldest after a position, at most `limit`. */
export async function readPushRows(db: Reader, key: PusherKey, after: number, limit: number): Promise<PushRow[]> {
  const id = idOf(key)
  const [rows] = await db.query<[PushRow[]]>(
    'SELECT record::id(id)[3] AS position, room_id, event_id, seq, actions, ts FROM $range LIMIT $limit',
    { range: idRange('push_queue', [...id, after + 1], [...id, Number.MAX_SAFE_INTEGER]), limit },
  )
  return rows
}

/** Repeating it changes nothing. */
export const setPushRow = (key: PusherKey, { position, ...row }: PushRow): Write => ({
  ...{ op: 'insertMissing', table: 'push_queue' },
  row: { id: [...idOf(key), position], ...row },
})

export const deletePushRow = (key: PusherKey, position: number): Write =>
  deleteRow('push_queue', [...idOf(key), position])

/** Everything that is kept of a pusher that is no more. */
export const deletePushesOf = (key: PusherKey): Write[] => [
  {
    ...{ op: 'deleteRange', table: 'push_queue' },
    ...{ from: [...idOf(key), 0], to: [...idOf(key), Number.MAX_SAFE_INTEGER] },
  },
  deleteRow('push_state', idOf(key)),
]

/** Pushers that something waits for, whether they are still there or not. */
export async function readPushQueueKeys(db: Reader): Promise<PusherKey[]> {
  const [keys] = await db.query<[[UserId, string, string][]]>(
    `SELECT VALUE key FROM (SELECT array::slice(record::id(id), 0, 3) AS key FROM push_queue) GROUP BY key`,
  )
  return keys.map(([userId, appId, pushkey]) => ({ userId, appId, pushkey }))
}

/** How often the gateway has failed in a row, and when it may be asked again, in milliseconds since the epoch. */
export type PushState = { failures: number; retry_at: number }

export async function readPushState(db: Reader, key: PusherKey): Promise<PushState | undefined> {
  const [rows] = await db.query<[PushState[]]>('SELECT failures, retry_at FROM type::record("push_state", $id)', {
    id: [...idOf(key)],
  })
  return rows[0]
}

export const setPushState = (key: PusherKey, state: PushState | undefined): Write =>
  state ? upsertRow('push_state', { id: idOf(key), ...state }) : deleteRow('push_state', idOf(key))
