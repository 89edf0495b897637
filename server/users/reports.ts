/**
 * Reports: what users tell the administrators about events, rooms and users, and what becomes of it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#reporting-content
 */
import { type Clock, randomId } from '../kernel/clock.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Database } from '../store/reader.js'
import {
  deleteReport,
  hasReport,
  insertReport,
  type ReportId,
  type ReportRow,
  readReports,
} from '../store/report-store.js'

type Words = { reason?: string | undefined; score?: number | undefined }

export type Report = { id: string; receivedTs: number } & ReportRow

export type Reports = {
  /** @throws MatrixError 404 for an event that is not there, or not the reporter's to see in a room they are in */
  reportEvent(reporter: UserId, roomId: RoomId, eventId: EventId, words: Words): Promise<void>
  /** @throws MatrixError 404 for a room that this server does not know */
  reportRoom(reporter: UserId, roomId: RoomId, words: Words): Promise<void>
  /** @throws MatrixError 404 for a user that this server does not know */
  reportUser(reporter: UserId, userId: UserId, words: Words): Promise<void>
  /** Newest first. */
  listReports(from: number, limit: number): Promise<{ reports: Report[]; total: number }>
  /** @throws MatrixError 404 */
  removeReport(id: string): Promise<void>
}

type Needs = {
  db: Database
  clock: Clock
  logger: Logger
  /** The event's sender; undefined where the user is not joined to the room or may not see the event. */
  findSender(userId: UserId, roomId: RoomId, eventId: EventId): Promise<UserId | undefined>
  isKnownRoom(roomId: RoomId): Promise<boolean>
  isKnownUser(userId: UserId): Promise<boolean>
}

export function makeReports(needs: Needs): Reports {
  const { db, clock, logger } = needs

  async function keep({ reason, score, ...row }: ReportRow & Words): Promise<void> {
    const id = { created_at: clock.now(), suffix: randomId(8) }
    const words = { ...(reason !== undefined && { reason }), ...(score !== undefined && { score }) }
    await db.commit(() => ({ writes: [insertReport(id, { ...row, ...words })], changes: [], result: undefined }))
    logger.info({ report: formatId(id), kind: row.kind, room: row.room_id, event: row.event_id }, 'content reported')
  }

  return {
    async reportEvent(reporter, roomId, eventId, words) {
      const sender = await needs.findSender(reporter, roomId, eventId)
      if (!sender) throw notFound('There is no such event, or you are not in that room')
      await keep({ kind: 'event', reporter, room_id: roomId, event_id: eventId, user_id: sender, ...words })
    },
    async reportRoom(reporter, roomId, words) {
      if (!(await needs.isKnownRoom(roomId))) throw notFound('This server does not know the room')
      await keep({ kind: 'room', reporter, room_id: roomId, ...words })
    },
    async reportUser(reporter, userId, words) {
      if (!(await needs.isKnownUser(userId))) throw notFound('This server does not know the user')
      await keep({ kind: 'user', reporter, user_id: userId, ...words })
    },
    async listReports(from, limit) {
      const { reports, total } = await readReports(db, from, limit)
      const toReport = ({ created_at, suffix, ...row }: ReportId & ReportRow): Report => ({
        id: formatId({ created_at, suffix }),
        receivedTs: created_at,
        ...row,
      })
      return { reports: reports.map(toReport), total }
    },
    async removeReport(text) {
      const id = parseId(text)
      if (!id || !(await hasReport(db, id))) throw notFound('There is no such report')
      await db.commit(() => ({ writes: [deleteReport(id)], changes: [], result: undefined }))
    },
  }
}

const formatId = ({ created_at, suffix }: ReportId) => `${created_at}-${suffix}`

function parseId(text: string): ReportId | undefined {
  const [, time, suffix] = /^([0-9]{1,16})-([A-Za-z0-9]{8})$/.exec(text) ?? []
  return time && suffix ? { created_at: Number(time), suffix } : undefined
}
