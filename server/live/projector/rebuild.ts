/**
 * Writes the live tables from nothing: for a database whose feed does not reach back far enough, or rows of an
 * older form. Silent, room after room; everything comes from the tables of the durable commit.
 */
import type { UserId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Room, Rooms } from '../../rooms/room.js'
import { readAccountData } from '../../store/account-data-store.js'
import type { LiveTables } from '../../store/live.js'
import { projectedTables, readLocalUserIds, readRoomIds } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import { readReceipts } from '../../store/receipt-store.js'
import type { Write } from '../../store/writes.js'
import { eventRow, readEventsOf } from './project-events.js'
import { MemberChanges, type MemberProjection } from './project-members.js'
import { accountDataWrite, receiptWrite } from './project-receipts.js'
import type { SummaryProjection } from './project-summaries.js'
import type { ReadVisibility } from './visibility.js'

export type RebuildNeeds = {
  db: Reader
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readTimeline' | 'membershipsOf'>
  members: MemberProjection
  summaries: SummaryProjection
  readVisibility: ReadVisibility
  isLocal(userId: UserId): boolean
  logger: Logger
}

const eventsPerPage = 500

/** @param position the last durable one before this began: what comes after is projected as usual */
export async function rebuild(needs: RebuildNeeds, position: number, signal: AbortSignal): Promise<void> {
  for (const table of projectedTables) await needs.live.empty(table, signal)
  const roomIds = await readRoomIds(needs.db)
  needs.members.forget(roomIds)
  for (const roomId of roomIds) {
    if (signal.aborted) return
    const room = await needs.rooms.get(roomId)
    if (room) await rebuildRoom(needs, room, position, signal)
    else needs.logger.warn({ room_id: roomId }, 'a room could not be read for its live rows')
  }
  for (const userId of await readLocalUserIds(needs.db)) {
    if (signal.aborted) return
    const entries = await readAccountData(needs.db, userId)
    await writeSilently(
      needs,
      entries.map(({ roomId, type, content }) => accountDataWrite(userId, roomId, type, content)),
    )
    for (const roomId of (await needs.rooms.membershipsOf(userId)).keys())
      needs.summaries.markLine(userId, roomId, position)
  }
}

/** Ends after the piece under way when `signal` is aborted: a room may be large. */
async function rebuildRoom(needs: RebuildNeeds, room: Room, position: number, signal: AbortSignal): Promise<void> {
  const changes = new MemberChanges()
  await needs.members.projectState(room, position, changes)
  for (const group of changes.writes(needs.isLocal, rowsPerWrite))
    if (!signal.aborted) await needs.live.writeLive(group, { silent: true })
  for (let from: number = room.minSeq; from <= room.maxSeq && !signal.aborted; from += eventsPerPage)
    await rebuildEvents(needs, room, from, Math.min(from + eventsPerPage - 1, room.maxSeq))
  if (signal.aborted) return
  await writeSilently(needs, (await readReceipts(needs.db, [room.roomId])).map(receiptWrite))
}

async function rebuildEvents(needs: RebuildNeeds, room: Room, from: number, to: number): Promise<void> {
  const timeline = await needs.rooms.readTimeline(room.roomId, from, to)
  const events = await readEventsOf(
    needs.rooms,
    timeline.map(({ eventId }) => eventId),
  )
  const rows: Write[] = []
  for (const { eventId, seq, position } of timeline) {
    const row = await eventRow(needs, room, { eventId, seq, position }, events)
    if (row) rows.push(row)
  }
  await writeSilently(needs, rows)
}

/** Rows of one transaction: larger ones would hold the thread while they are encoded. */
export const rowsPerWrite = 250

async function writeSilently(needs: Pick<RebuildNeeds, 'live'>, writes: readonly Write[]): Promise<void> {
  for (let start = 0; start < writes.length; start += rowsPerWrite)
    await needs.live.writeLive(writes.slice(start, start + rowsPerWrite), { silent: true })
}
