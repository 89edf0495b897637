/**
 * A page of a room's history for one user, in either direction.
 *
 * Goes on through what the user may not see or did not ask for until the page is full or enough was
 * read. At the beginning of what this server has it asks other servers once.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
import type { JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
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
}
export type MessagesPage = { start: string; end?: string; chunk: JsonObject[]; state?: JsonObject[] }

/** @throws MatrixError 403 without access; 400 for a bad token */
export type ReadMessages = (query: MessagesQuery) => Promise<MessagesPage>

/** Asks other servers for older history and settles when what came is in the timeline. Does not fail where no one answers. */
export type Backfill = (roomId: RoomId, limit: number) => Promise<unknown>

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
}

export type ReadPage = (query: PageQuery) => Promise<Page>

const maxLimit = 1_000
/** Most events looked at for one page; an answer may then be short, with a token to go on. */
const maxScanned = 2_000
const pageSize = 100

type PageNeeds = {
  rooms: Pick<Rooms, 'get' | 'readTimeline'>
  visibility: Pick<Visibility, 'filterVisible'>
  /** Absent where the server does not federate. */
  backfill?: Backfill | undefined
}

export function makeReadPage({ rooms, visibility, backfill }: PageNeeds): ReadPage {
  return async ({ access, userId, direction, from, to, limit, wants }) => {
    let { room } = access
    const highest = () => Math.min(access.lastSeq ?? room.maxSeq, room.maxSeq)
    const events: VisibleEvent[] = []
    let gap = Math.min(from, highest() + 1)
    let hasAsked = false
    for (let scanned = 0; events.length < limit && scanned < maxScanned; ) {
      const page = await readFrom(gap, Math.min(pageSize, Math.max(limit - events.length, 10)))
      if (!page) return { events, next: undefined }
      scanned += page.length
      const visible = await visibility.filterVisible(room, userId, page.filter(wants))
      const taken = visible.slice(0, limit - events.length)
      events.push(...taken)
      const last = taken.length < visible.length ? taken.at(-1)?.event : page.at(-1)
      if (last) gap = direction === 'b' ? last.seq : last.seq + 1
    }
    return { events, next: gap }

    /** The next events in the direction; undefined where the end is reached. */
    async function readFrom(at: number, count: number): Promise<TimelineEvent[] | undefined> {
      if (direction === 'f') {
        const last = Math.min(at + count - 1, (to ?? Number.POSITIVE_INFINITY) - 1, highest())
        return last < at ? undefined : rooms.readTimeline(room.roomId, at, last)
      }
      const lowest = Math.max(to ?? Number.NEGATIVE_INFINITY, room.minSeq)
      if (at <= lowest) return (await hasGrown(at, count)) ? readFrom(at, count) : undefined
      return (await rooms.readTimeline(room.roomId, Math.max(lowest, at - count), at - 1)).reverse()
    }

    async function hasGrown(at: number, count: number): Promise<boolean> {
      if (hasAsked || !backfill || room.historyComplete || (to !== undefined && at <= to)) return false
      hasAsked = true
      await backfill(room.roomId, Math.max(count, limit))
      room = (await rooms.get(room.roomId)) ?? room
      return room.minSeq < at
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
  return async ({ userId, sid, roomId, direction, from, to, limit, filter }) => {
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
      wants: ({ pdu }) =>
        filter.matches({ ...pdu, roomId }) && (pdu.state_key !== undefined || !ignored.has(pdu.sender)),
    })
    const view: EventView = { sid, omitRoomId: false }
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
