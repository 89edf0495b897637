/**
 * Presence store: what the live table `user_presence` still knows from the last run, and who may read it. The rows of
 * both are written by the live side alone.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { PresenceRow } from '../kernel/live-rows.js'
import type { Reader } from './reader.js'
import type { Write } from './writes.js'

/** At most `limit` users, in no particular order. */
export async function readPresenceRows(db: Reader, limit = 10_000): Promise<PresenceRow[]> {
  const [rows] = await db.query<[PresenceRow[]]>('SELECT * FROM user_presence LIMIT $limit', { limit })
  return rows.map(({ user_id, presence, last_active_ago, last_active_ts, currently_active, status_msg }) => ({
    user_id,
    presence,
    last_active_ago,
    last_active_ts,
    currently_active,
    ...(status_msg === undefined ? {} : { status_msg }),
  }))
}

/** Users who have a row in `user_presence`, at most `limit`. */
export async function readPresentUsers(db: Reader, limit: number): Promise<UserId[]> {
  const [ids] = await db.query<[UserId[]]>('SELECT VALUE user_id FROM user_presence LIMIT $limit', { limit })
  return ids
}

/** Takes away whose presence a user may see. */
export const deletePresenceAccess = (viewer: UserId): Write => ({
  op: 'deleteRange',
  table: 'presence_access',
  from: [viewer, ''],
  to: [viewer, '~'],
})
