/**
 * Filters that clients defined, as JSON text. A filter's ID is a hash of its text, so that defining the same
 * one again gives the same ID and costs nothing.
 *
 * Schema: schema/migrations/0001-accounts.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { upsertRow, type Write } from './writes.js'

/** @returns the filter's JSON text */
export async function readFilter(db: Reader, userId: UserId, filterId: string): Promise<string | undefined> {
  const [rows] = await db.query<[{ body: string }[]]>('SELECT body FROM type::record("filter", [$user, $filter])', {
    user: userId,
    filter: filterId,
  })
  return rows[0]?.body
}

export const setFilter = (userId: UserId, filterId: string, body: string): Write =>
  upsertRow('filter', { id: [userId, filterId], body })
