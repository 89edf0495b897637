/**
 * Presence store: what the live table `user_presence` still knows from the last run. Its rows are
 * written by the live side alone; here they are only read, at start.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { PresenceRow } from '../kernel/live-rows.js'
import type { Reader } from './reader.js'

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
