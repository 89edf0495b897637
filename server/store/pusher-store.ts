/**
 * Pushers: where a user wants push notifications sent, as JSON text of the spec's object.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type PusherRow = {
  app_id: string
  pushkey: string
  /** The login session that made it; it ends with that session. */
  sid: string
  /** JSON text of the pusher as the client gave it. */
  pusher: string
  /** When it was set last, in milliseconds since the epoch. */
  set_at: number
  /** It is told of what comes after this stream position. */
  since: number
}

export async function readPushers(db: Reader, userId: UserId): Promise<PusherRow[]> {
  const [rows] = await db.query<[PusherRow[]]>('SELECT * OMIT id FROM pusher:[$user, NONE]..[$user, ..]', {
    user: userId,
  })
  return rows
}

export async function readPusher(
  db: Reader,
  userId: UserId,
  appId: string,
  pushkey: string,
): Promise<PusherRow | undefined> {
  const [rows] = await db.query<[PusherRow[]]>(
    'SELECT * OMIT id FROM type::record("pusher", [$user, $app, $pushkey])',
    {
      ...{ user: userId, app: appId, pushkey },
    },
  )
  return rows[0]
}

export async function readAllPushers(db: Reader): Promise<(PusherRow & { user_id: UserId })[]> {
  const [rows] = await db.query<[(PusherRow & { user_id: UserId })[]]>('SELECT * OMIT id FROM pusher')
  return rows
}

export const setPusher = (userId: UserId, row: PusherRow): Write =>
  upsertRow('pusher', { id: [userId, row.app_id, row.pushkey], user_id: userId, ...row })

export const deletePusher = (userId: UserId, appId: string, pushkey: string): Write =>
  deleteRow('pusher', [userId, appId, pushkey])

/** Takes a pusher away from every other user: a device has one owner at a time. */
export const deletePusherOfOthers = (userId: UserId, appId: string, pushkey: string): Write => ({
  op: 'statement',
  sql: 'DELETE pusher WHERE app_id = $app AND pushkey = $pushkey AND user_id != $user RETURN NONE',
  bindings: { user: userId, app: appId, pushkey },
})
