/**
 * A page of a room's history for one user, in either direction.
 *
 * Goes on through what the user may not see or did not ask for until the page is full or enough was
 * read. At a hole it asks other servers, again and again within its time, and goes on beyond it where nobody can fill
 * it. A short page is never taken for the end: there is none before the room's beginning is reached.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import { isIgnored } from '../events/ignored-users.js'
import type { JsonObject } from '../events/pdu.js'
import type { Clock, Timer } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import { holeAbove, holeBelow, type Segment, type Stretch, stretchAbove, stretchBelow } from '../rooms/segments.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents, EventView, VisibleEvent } from './client-events.js'
import type { RoomEventFilter } from './filter.js'
import { formatGap, readGap } from './pagination-token.js'
import type { ReadSenders } from './read-senders.js'
import type { RoomAccess, Visibility } from './visibility.js'

export type MessagesQuery = {
  userId: UserId
  sid: string
  roomId: RoomId
  direction: 'b' | 'f'
  from?: string | undefined
  to?: string | undefined
  limit: number
  filter: RoomEventFilter
  /** Somebody has just been told that other servers did not answer, and wants them asked again. */
  isAskedAgain?: boolean | undefined
}
export type MessagesPage = { start: string; end?: string; chunk: JsonObject[]; state?: JsonObject[] }

/** @throws MatrixError 403 without access; 400 for a bad token */
export type ReadMessages = (query: MessagesQuery) => Promise<MessagesPage>

/**
 * Asks other servers for what lies in the hole below a segment, about `wanted` events of it, and settles when what came
 * is in the timeline. Does not fail where no one answers.
 *
 * @param isAskedAgain somebody wants to know now, whatever was found out lately
 * @returns whether anything came, or the hole is known to be none
 */
export type Backfill = (roomId: RoomId, origin: number, wanted: number, isAskedAgain?: boolean) => Promise<boolean>

export type Page = {
  /** In the order of the direction. */
  events: VisibleEvent[]
  /** The gap after the last event, to go on from; undefined where there is no more. */
  next: number | undefined
}

export type PageQuery = {
  access: RoomAccess
  userId: UserId
  direction: 'b' | 'f'
  /** Gap to start from and, if given, to stop at. */
  from: number
  to: number | undefined
  limit: number
  wants(event: TimelineEvent): boolean
  isAskedAgain?: boolean | undefined
}

export type ReadPage = (query: PageQuery) => Promise<Page>

const maxLimit = 1_000
/** Most events looked at for one page; an answer may then be short, with a token to go on. */
const maxScanned = 2_000
const pageSize = 100
/** How long one request may wait for other servers, all its questions together. */
const backfillBudgetMs = 15_000

type PageNeeds = {
  rooms: Pick<Rooms, 'get' | 'readTimeline'>
  visibility: Pick<Visibility, 'filterVisible'>
  clock: Pick<Clock, 'elapsed' | 'after'>
  /** Absent where the server does not federate. */
  backfill?: Backfill | undefined
}

export function makeReadPage({ rooms, visibility, clock, backfill }: PageNeeds): ReadPage {
  return async ({ access, userId, direction, from, to, limit, wants, isAskedAgain }) => {
    let { room } = access
    const deadline = clock.elapsed() + backfillBudgetMs
    const highest = () => Math.min(access.lastSeq ?? room.maxSeq, room.maxSeq)
    const events: VisibleEvent[] = []
    /** Segments whose hole nobody could fill: what lies beyond it is read on. */
    const unfilled = new Set<number>()
    let gap = Math.min(from, highest() + 1)
    for (let scanned = 0; events.length < limit && scanned < maxScanned; ) {
      const hole = direction === 'b' ? holeBelow(room, gap) : holeAbove(room, gap)
      if (hole && !unfilled.has(hole.origin) && !isBeyond(direction === 'b' ? gap : hole.low)) {
        const filled = await fill(hole)
        if (filled === 'late') return { events, next: gap }
        if (!filled) unfilled.add(hole.origin)
        continue
      }
      const stretch = stretchFrom(gap, Math.min(pageSize, Math.max(limit - events.length, 10)))
      if (!stretch) return { events, next: hole && !isBeyond(gap) ? gap : undefined }
      const page = await rooms.readTimeline(room.roomId, stretch.low, stretch.high)
      if (direction === 'b') page.reverse()
      scanned += page.length
      const visible = await visibility.filterVisible(room, userId, page.filter(wants))
      const taken = visible.slice(0, limit - events.length)
      events.push(...taken)
      const last = taken.length < visible.length ? taken.at(-1)?.event : undefined
      if (direction === 'b') gap = last ? last.seq : stretch.low
      else gap = last ? last.seq + 1 : stretch.high + 1
    }
    return { events, next: gap }

    function isBeyond(at: number): boolean {
      if (direction === 'b') return to !== undefined && at <= to
      return at > Math.min((to ?? Number.POSITIVE_INFINITY) - 1, highest())
    }

    /** The next seqs in the direction, as far as they are dense; undefined where the end is reached. */
    function stretchFrom(at: number, count: number): Stretch | undefined {
      if (direction === 'b') {
        const stretch = stretchBelow(room, at)
        const low = stretch && Math.max(stretch.low, to ?? Number.NEGATIVE_INFINITY, stretch.high - count + 1)
        return stretch && low !== undefined && low <= stretch.high ? { low, high: stretch.high } : undefined
      }
      const stretch = stretchAbove(room, at)
      if (!stretch) return undefined
      const last = Math.min((to ?? Number.POSITIVE_INFINITY) - 1, highest())
      const high = Math.min(stretch.high, stretch.low + count - 1, last)
      return high < stretch.low ? undefined : { low: stretch.low, high }
    }

    async function fill(hole: Segment): Promise<boolean | 'late'> {
      if (!backfill) return false
      const leftMs = deadline - clock.elapsed()
      if (leftMs <= 0) return 'late'
      let timer: Timer | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = clock.after(leftMs, () => resolve('late'))
      })
      // What is late goes on: the next request finds it.
      const filling = backfill(room.roomId, hole.origin, Math.max(limit - events.length, 10), isAskedAgain)
      const outcome = await Promise.race([filling, late]).finally(() => timer?.cancel())
      room = (await rooms.get(room.roomId)) ?? room
      return outcome
    }
  }
}

type Needs = {
  rooms: Pick<Rooms, 'readTimeline'>
  visibility: Pick<Visibility, 'checkAccess'>
  readPage: ReadPage
  clientEvents: ClientEvents
  readAccountDataOf: ReadAccountDataOf
  readSenders: ReadSenders
}

export function makeReadMessages({
  rooms,
  visibility,
  readPage,
  clientEvents,
  readAccountDataOf,
  readSenders,
}: Needs): ReadMessages {
  return async ({ userId, sid, roomId, direction, from, to, limit, filter, isAskedAgain }) => {
    const access = await visibility.checkAccess(userId, roomId)
    const { room } = access
    const start = from === undefined ? edgeOf(access, direction) : await readGap(rooms, room, from)
    const stop = to === undefined ? undefined : await readGap(rooms, room, to)
    const { ignored } = await readAccountDataOf(userId)
    const { events, next } = await readPage({
      access,
      userId,
      direction,
      from: start,
      to: stop,
      limit: Math.min(limit, filter.limit ?? limit, maxLimit),
      wants: ({ pdu }) => filter.matches({ ...pdu, roomId }) && !isIgnored(ignored, pdu),
      isAskedAgain,
    })
    const view: EventView = { userId, sid, omitRoomId: false }
    const members = filter.lazyLoadMembers ? await readSenders(access, events) : []
    return {
      start: from ?? formatGap(start),
      ...(next === undefined ? {} : { end: formatGap(next) }),
      chunk: await clientEvents.ofTimeline(room, events, view),
      ...(members.length > 0 ? { state: clientEvents.ofState(room, members, view) } : {}),
    }
  }
}

/** Where a user who names no token begins: the newest event that is theirs, or the oldest. */
const edgeOf = ({ room, lastSeq }: RoomAccess, direction: 'b' | 'f'): number =>
  direction === 'b' ? (lastSeq ?? room.maxSeq) + 1 : room.minSeq
