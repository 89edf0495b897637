/**
 * The lane `events`: `room_events`, in stream order, never ahead of the lane `access`.
 *
 * Live queries cost a writer 0.2 to 0.4 ms per row and query. When what waits would take too long at that price, or is
 * history rather than news, rows go in silently, and only the newest of each room is told: it is ahead of what a
 * reader holds, so that the reader looks at the range between. That a reader learns of it within a second does
 * not depend on anything but this lane. Rows of rooms that no live query is about go in silently as well.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventId, RoomId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Room, Rooms } from '../../rooms/room.js'
import type { LiveTables } from '../../store/live.js'
import { readRoomIds } from '../../store/projection-store.js'
import type { Reader } from '../../store/reader.js'
import type { Write } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import { blockRows, type EventWindow, windowLow } from './event-window.js'
import type { Lane, LaneParts, LaneWrites } from './lane.js'
import {
  type EventsNeeds,
  eventRow,
  type ReadEvents,
  readEventsOf,
  readRoomsOf,
  successorRow,
} from './project-events.js'
import type { Work } from './work.js'

export type EventsLaneNeeds = Omit<EventsNeeds, 'rooms'> & {
  db: Reader
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: EventsNeeds['rooms'] & Pick<Rooms, 'readTimeline'>
  /** How many live queries a write pays for, and whether any of them may be about a room. */
  registry: Pick<LiveRegistry, 'countOn' | 'size'>
  mayBeWatched(roomId: RoomId): boolean
  window: Pick<EventWindow, 'note' | 'shows'>
  /** Rows of these rooms are there now. */
  written(roomIds: Iterable<RoomId>, position: number): void
  logger: Logger
}

/** What one row costs per live query on its table. */
const msPerRowAndQuery = 0.3
/** Above this a batch goes in silently, in milliseconds of writing. */
const loudestMs = 60
/** What a transaction that nobody is told of costs more than another. */
const silentMs = 2
/** How long rows gather while there is no live query at all, and in bulk. */
const unwatchedPauseMs = 100
const bulkPauseMs = 150
const enoughForBatch = 256
/** Works turned into rows without a break for the rest of the server. */
const worksPerTurn = 64

type EventWork = Extract<Work, { kind: 'event' | 'redaction' }>
type Row = { roomId: RoomId; seq: number; historical: boolean; write: Write }

const isEventWork = (work: Work): work is EventWork => work.kind === 'event' || work.kind === 'redaction'

export function eventsLane(needs: EventsLaneNeeds, after: Lane): LaneParts {
  const { rooms, registry, logger } = needs
  let isBulk = false

  async function rowsOf(work: EventWork, room: Room, events: ReadEvents): Promise<Row[]> {
    const { eventId, position, roomId } = work
    const historical = work.kind === 'event' && work.historical
    const seqOf = (write: Write) => ('row' in write ? Number(write.row.seq) : 0)
    const own = await eventRow(needs, room, work.kind === 'event' ? work : { eventId, position }, events)
    const redacted = work.kind === 'redaction' ? events.get(eventId) : undefined
    const successor = redacted && (await successorRow(needs, room, redacted, position))
    return [own, successor].flatMap((write) => (write ? [{ roomId, seq: seqOf(write), historical, write }] : []))
  }

  /** Which rows are told: all of them, or the newest of each room where so many would take too long. */
  function divide(rows: readonly Row[], backlog: number): LaneWrites {
    const queries = registry.countOn('room_events')
    const news = watched(
      rows.filter(({ historical }) => !historical),
      queries,
    )
    isBulk = (news.length + backlog) * queries * msPerRowAndQuery > loudestMs
    const told = new Set(isBulk ? newest(news, Math.floor(loudestMs / (queries * msPerRowAndQuery))) : news)
    return {
      silent: rows.filter((row) => !told.has(row)).map(({ write }) => write),
      loud: rows.filter((row) => told.has(row)).map(({ write }) => write),
    }
  }

  function newest(rows: readonly Row[], atMost: number): Row[] {
    const last = new Map<RoomId, Row>()
    for (const row of rows)
      if ((last.get(row.roomId)?.seq ?? Number.NEGATIVE_INFINITY) < row.seq) last.set(row.roomId, row)
    return [...last.values()].slice(0, Math.max(1, atMost))
  }

  /** Rows of rooms that no live query can be about need not be told, where a silent transaction costs less than that. */
  function watched(rows: readonly Row[], queries: number): readonly Row[] {
    const about = new Map<RoomId, boolean>()
    for (const { roomId } of rows) if (!about.has(roomId)) about.set(roomId, needs.mayBeWatched(roomId))
    const some = rows.filter(({ roomId }) => about.get(roomId))
    return (rows.length - some.length) * queries * msPerRowAndQuery > silentMs ? some : rows
  }

  return {
    name: 'events',
    version: 1,
    streamMs: 15,
    after,
    takes: isEventWork,
    gatherMs(queued) {
      if (queued >= enoughForBatch) return isBulk ? bulkPauseMs : 0
      if (registry.size === 0) return unwatchedPauseMs
      return isBulk ? bulkPauseMs : 0
    },
    async build(works, backlog) {
      const ofEvents = works.filter(isEventWork)
      const [known, events] = await Promise.all([
        readRoomsOf(
          rooms,
          ofEvents.map(({ roomId }) => roomId),
        ),
        readEventsOf(
          rooms,
          ofEvents.map(({ eventId }) => eventId),
        ),
      ])
      const rows: Row[] = []
      for (const [n, work] of ofEvents.entries()) {
        if (n % worksPerTurn === worksPerTurn - 1) await nextTurn()
        const room = known.get(work.roomId)
        // A backlog of thousands is not written to be deleted again.
        const isOutside =
          room && work.kind === 'event' && work.seq < windowLow(room) && !needs.window.shows(room, work.seq)
        if (room && !isOutside) rows.push(...(await rowsOf(work, room, events)))
      }
      const position = works.at(-1)!.position
      return {
        ...divide(rows, backlog),
        written() {
          for (const { roomId, seq } of rows) needs.window.note(known.get(roomId)!, seq)
          needs.written(known.keys(), position)
        },
      }
    },
    async rebuild(_position, signal) {
      await needs.live.empty('room_events', signal)
      for (const roomId of await readRoomIds(needs.db)) {
        if (signal.aborted) return
        const room = await rooms.get(roomId)
        if (!room) logger.warn({ room_id: roomId }, 'a room could not be read for its live rows')
        else
          for (let from = windowLow(room); from <= room.maxSeq && !signal.aborted; from += blockRows)
            await writeEventRange(needs, room, from, Math.min(from + blockRows - 1, room.maxSeq))
      }
    },
  }
}

/** Writes the rows of a range from the timeline, silently; both ends inclusive. To be run in the lane's turn. */
export async function writeEventRange(
  needs: Pick<EventsLaneNeeds, 'live' | 'rooms' | 'readVisibility'>,
  room: Room,
  from: number,
  to: number,
): Promise<void> {
  const timeline = await needs.rooms.readTimeline(room.roomId, from, to)
  const events = await readEventsOf(
    needs.rooms,
    timeline.map(({ eventId }): EventId => eventId),
  )
  const rows: Write[] = []
  for (const { eventId, seq, position } of timeline) {
    const row = await eventRow(needs, room, { eventId, seq, position }, events)
    if (row) rows.push(row)
  }
  if (rows.length > 0) await needs.live.writeLive(rows, { silent: true })
}
