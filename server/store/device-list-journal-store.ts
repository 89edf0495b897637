/**
 * The journal of device lists that a user's devices read live: `device_list_changes`.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { DeviceListChangesRow } from '../kernel/live-rows.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

/** Positions of a user's rows, oldest first. */
export async function readJournalPositions(db: Reader, userId: UserId): Promise<number[]> {
  const [positions] = await db.query<[number[]]>(
    'SELECT VALUE position FROM device_list_changes:[$user, NONE]..[$user, ..]',
    { user: userId },
  )
  return positions
}

export const setJournalRow = (row: DeviceListChangesRow): Write =>
  upsertRow('device_list_changes', { id: [row.user_id, row.position], ...row })

export const deleteJournalRow = (userId: UserId, position: number): Write =>
  deleteRow('device_list_changes', [userId, position])

export const deleteJournal = (userId: UserId): Write => ({
  ...{ op: 'deleteRange', table: 'device_list_changes' },
  ...{ from: [userId, 0], to: [userId, Number.MAX_SAFE_INTEGER] },
})
