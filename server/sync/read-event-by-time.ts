/**
 * The event closest to a time that a user may see, in one direction.
 *
 * Where something is missing in the room, another server is asked whether it knows one that is closer. If so, the hole in
 * which that lies is filled from above until its time is reached, as long as one request may wait: then it is one of
 * ours, with the state it is judged by, and /context finds it. What is not reached comes with a later request.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
import type { Clock } from '../kernel/clock.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import { isOnSide, searchByTime } from '../rooms/search-by-time.js'
import type { Segment } from '../rooms/segments.js'
import type { Backfill, ReadPage } from './read-messages.js'
import type { RoomAccess, Visibility } from './visibility.js'

/**
 * @param ts milliseconds since the epoch
 * @throws MatrixError 403 without access to the room, 404 where there is no such event
 */
export type ReadEventByTime = (query: {
  userId: UserId
  roomId: RoomId
  ts: number
  direction: 'f' | 'b'
}) => Promise<TimelineEvent>

/** What another server of the room knows in that direction, where it is less than `closerThan` ms away. */
export type QueryEventByTime = (
  roomId: RoomId,
  query: { ts: number; direction: 'f' | 'b'; closerThan: number },
) => Promise<{ eventId: EventId; ts: number } | undefined>

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readTimeline' | 'readEvent'>
  visibility: Pick<Visibility, 'checkAccess'>
  readPage: ReadPage
  clock: Pick<Clock, 'elapsed'>
  /** Absent where the server does not federate. */
  backfill?: Backfill | undefined
  queryEventByTime?: QueryEventByTime | undefined
}

/** How long one request may wait for other servers before it begins no further question. */
const budgetMs = 10_000
const perPage = 100

export function makeReadEventByTime(needs: Needs): ReadEventByTime {
  const { rooms, visibility, readPage, clock } = needs

  /** Fills the hole from above, down to the event or to what is older than it. */
  async function fillDownTo(roomId: RoomId, { origin }: Segment, wanted: { eventId: EventId; ts: number }) {
    const deadline = clock.elapsed() + budgetMs
    while (clock.elapsed() < deadline && (await needs.backfill?.(roomId, origin, perPage))) {
      const room = await rooms.get(roomId)
      const segment = room?.segments.find((each) => each.origin === origin)
      if (segment?.below !== 'unknown' || (await rooms.readEvent(wanted.eventId))?.seq !== undefined) return
      const [lowest] = await rooms.readTimeline(roomId, segment.low, segment.low)
      if (lowest && lowest.pdu.origin_server_ts < wanted.ts) return
    }
  }

  /** The hole in which something of that time must be: below the oldest of what is newer. */
  async function findHole({ room, lastSeq }: RoomAccess, ts: number): Promise<Segment | undefined> {
    const ends = lastSeq ?? room.maxSeq // what lies above came after they left
    const holes = room.segments.filter(({ below, low }) => below === 'unknown' && low <= ends)
    const last = holes.at(-1)
    for (const hole of holes) {
      const [lowest] = await rooms.readTimeline(room.roomId, hole.low, hole.low)
      if (lowest && lowest.pdu.origin_server_ts >= ts) return hole
    }
    return last
  }

  /** @returns what was missing here, is closer, and has its place now */
  async function bringIn(access: RoomAccess, place: TimelineEvent | undefined, ts: number, direction: 'f' | 'b') {
    const { room } = access
    if (!needs.queryEventByTime || !room.segments.some(({ below }) => below === 'unknown')) return undefined
    const closerThan = place ? distance(place, ts) : Number.POSITIVE_INFINITY
    const wanted = await needs.queryEventByTime(room.roomId, { ts, direction, closerThan })
    const hole = wanted && (await findHole(access, wanted.ts))
    if (!hole) return undefined
    if ((await rooms.readEvent(wanted.eventId))?.seq === undefined) await fillDownTo(room.roomId, hole, wanted)
    const event = await rooms.readEvent(wanted.eventId)
    if (event?.seq === undefined || event.roomId !== room.roomId) return undefined
    return (await rooms.readTimeline(room.roomId, event.seq, event.seq))[0]
  }

  return async ({ userId, roomId, ts, direction }) => {
    let access = await visibility.checkAccess(userId, roomId)
    let place = await searchByTime(rooms, access.room, ts, direction)
    const brought = await bringIn(access, place, ts, direction)
    if (brought) {
      access = await visibility.checkAccess(userId, roomId)
      place = await searchByTime(rooms, access.room, ts, direction)
      const isCloser = !place || distance(brought, ts) < distance(place, ts)
      if (isCloser && isOnSide(brought, ts, direction)) place = brought
    }
    const [found] = place
      ? // From there on: it may not be theirs to see, and behind it may be some whose clock was wrong.
        (
          await readPage({
            access,
            userId,
            direction,
            from: direction === 'f' ? place.seq : place.seq + 1,
            to: undefined,
            limit: 1,
            wants: (event) => isOnSide(event, ts, direction),
          })
        ).events
      : []
    if (!found) throw notFound('There is no event of that time, or it is not yours to see')
    return found.event
  }
}

const distance = ({ pdu }: TimelineEvent, ts: number): number => Math.abs(pdu.origin_server_ts - ts)
