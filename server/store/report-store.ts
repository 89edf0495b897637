/**
 * What users reported to the administrators. A row's id is [time, a few random letters], so that the table is in order
 * of time and a page from either end is a short scan.
 *
 * Schema: schema/migrations/0007-moderation.surql
 */
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, type Write } from './writes.js'

export type ReportRow = {
  kind: 'event' | 'room' | 'user'
  reporter: UserId
  room_id?: RoomId
  event_id?: EventId
  /** The user reported, or the sender of the event. */
  user_id?: UserId
  reason?: string
  /** From -100 (most offensive) to 0, as clients of versions before v1.18 say it. */
  score?: number
}
/** `created_at`: milliseconds since the epoch. */
export type ReportId = { created_at: number; suffix: string }

/** Newest first, from the `from`th on, and how many there are in all. */
export async function readReports(
  db: Reader,
  from: number,
  limit: number,
): Promise<{ reports: (ReportId & ReportRow)[]; total: number }> {
  const [reports, counts] = await db.query<[(ReportId & ReportRow)[], { total: number }[]]>(
    `SELECT record::id(id)[0] AS created_at, record::id(id)[1] AS suffix, * OMIT id
     FROM report ORDER BY id DESC LIMIT $limit START $from;
     SELECT count() AS total FROM report GROUP ALL`,
    { from, limit },
  )
  return { reports, total: counts[0]?.total ?? 0 }
}

export async function hasReport(db: Reader, { created_at, suffix }: ReportId): Promise<boolean> {
  const [rows] = await db.query<[unknown[]]>('SELECT kind FROM type::record("report", [$created_at, $suffix])', {
    created_at,
    suffix,
  })
  return rows.length > 0
}

export const insertReport = ({ created_at, suffix }: ReportId, row: ReportRow): Write =>
  insertRow('report', { id: [created_at, suffix], ...row })

export const deleteReport = ({ created_at, suffix }: ReportId): Write => deleteRow('report', [created_at, suffix])
