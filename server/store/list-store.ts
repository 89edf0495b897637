/**
 * List store: whose room lists are kept in `room_summaries`, and the lines that are there.
 *
 * `list_viewer:⟨user_id⟩` says when a user last had a live channel, and whether their lines may be old for other reasons
 * than that a room moved on. Written by the live side alone.
 *
 * Schema: schema/migrations/0005-live.surql
 */
import type { UserId } from '../kernel/identifiers.js'
import type { RoomSummaryRow } from '../kernel/live-rows.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type ListViewerRow = { user_id: UserId; seen_at: number; is_dirty: boolean }

export async function readListViewers(db: Reader): Promise<ListViewerRow[]> {
  const [rows] = await db.query<[ListViewerRow[]]>('SELECT user_id, seen_at, is_dirty FROM list_viewer')
  return rows
}

export const setListViewer = (row: ListViewerRow): Write => upsertRow('list_viewer', { id: row.user_id, ...row })

/** The lines of a user as they were written last. */
export async function readLines(db: Reader, userId: UserId): Promise<RoomSummaryRow[]> {
  const [rows] = await db.query<[RoomSummaryRow[]]>('SELECT * OMIT id FROM room_summaries:[$user, NONE]..[$user, ..]', {
    user: userId,
  })
  return rows
}

/** The user's lines and that there are any. */
export const deleteLines = (userId: UserId): Write[] => [
  { op: 'deleteRange', table: 'room_summaries', from: [userId, ''], to: [userId, '~'] },
  deleteRow('list_viewer', userId),
]
