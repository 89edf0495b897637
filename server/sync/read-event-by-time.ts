/**
 * The event closest to a time that a user may see, in one direction, among those that this server has.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
import { notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import { isOnSide, searchByTime } from '../rooms/search-by-time.js'
import type { ReadPage } from './read-messages.js'
import type { Visibility } from './visibility.js'

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

type Needs = {
  rooms: Pick<Rooms, 'readTimeline'>
  visibility: Pick<Visibility, 'checkAccess'>
  readPage: ReadPage
}

export function makeReadEventByTime({ rooms, visibility, readPage }: Needs): ReadEventByTime {
  return async ({ userId, roomId, ts, direction }) => {
    const access = await visibility.checkAccess(userId, roomId)
    const place = await searchByTime(rooms, access.room, ts, direction)
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
