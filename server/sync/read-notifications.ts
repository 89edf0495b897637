/**
 * What a user was or would have been notified of, newest first: judged by their push rules when it is asked for, since few
 * ask and every event would have to be judged for everybody otherwise.
 *
 * The user's rooms are walked back together, by the stream position of their events, and a room is loaded when its turn comes.
 * History that was filled in later notified nobody. One request looks at a bounded number of events; its token goes on
 * from there, also where it found nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3notifications
 */
import type { JsonObject } from '../events/pdu.js'
import { invalidParam } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { PushAction } from '../push/default-push-rules.js'
import { viewOf } from '../push/evaluate.js'
import type { Room, RoomMembership, Rooms, TimelineEvent } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import type { ClientEvents, VisibleEvent } from './client-events.js'
import { isRead, type ReadReading } from './read-reading.js'
import { readSeqAt } from './seq-at-position.js'
import type { ReadThreadOf } from './thread-of.js'
import { type Judge, type ReadJudge, weightOf } from './unread-judge.js'
import type { Reading } from './unread-walk.js'
import { isOwnMemberEvent, type Visibility } from './visibility.js'

export type NotificationsQuery = {
  userId: UserId
  sid: string
  from: string | undefined
  limit: number
  onlyHighlights: boolean
}
export type NotificationsPage = { notifications: JsonObject[]; next_token?: string }
export type ReadNotifications = (query: NotificationsQuery) => Promise<NotificationsPage>

type Needs = {
  db: Pick<Database, 'position'>
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'lastPosition' | 'readTimeline'>
  visibility: Pick<Visibility, 'filterVisible' | 'readHistory'>
  readJudge: ReadJudge
  readReading: ReadReading
  readThreadOf: ReadThreadOf
  clientEvents: ClientEvents
}

const maxLimit = 100
const pageSize = 50
/** Events that one request looks at. */
const maxScanned = 2_000
const pattern = /^n1_(\d{1,16})$/

type Found = { room: Room; shown: VisibleEvent; actions: readonly PushAction[] }
/** How far a room has been walked. */
type Cursor = {
  membership: RoomMembership
  /** What was found and not given yet, newest first. */
  found: Found[]
  /** No event that is still to come has a higher position. */
  bound: number
  /** Where the next page ends; undefined before the first. */
  next?: number
  lowest?: number
  judge?: Judge
  isDone: boolean
}

const headOf = ({ found, bound }: Cursor): number => found[0]?.shown.event.position ?? bound

export function makeReadNotifications(needs: Needs): ReadNotifications {
  const { rooms, visibility } = needs

  /** The first event after the user came in. */
  async function firstSeq(roomId: RoomId, userId: UserId): Promise<number> {
    const history = await visibility.readHistory(roomId, userId)
    const last = history.findLastIndex(
      ({ membership }, at) => membership === 'join' && history[at - 1]?.membership !== 'join',
    )
    return (history[last]?.seq ?? 0) + 1
  }

  /** Reads on in the cursor's room. @returns how many events it looked at */
  async function goOn(cursor: Cursor, { userId, onlyHighlights }: NotificationsQuery, before: number): Promise<number> {
    const { roomId } = cursor.membership
    const room = await rooms.get(roomId)
    if (room) {
      cursor.next ??= await readSeqAt(rooms, room, before - 1)
      cursor.lowest ??= await firstSeq(roomId, userId)
      cursor.judge ??= await needs.readJudge(userId, room)
    }
    const stretch = room && pageBelow(room, cursor)
    if (!room || !stretch || !cursor.judge) {
      cursor.isDone = true
      return 1
    }
    const page = await rooms.readTimeline(roomId, stretch.low, stretch.high)
    const { judge } = cursor
    const actionsOf = new Map<TimelineEvent, readonly PushAction[]>()
    for (const event of page) {
      if (event.redactedBy !== undefined || isOwnMemberEvent(event, userId)) continue
      const actions = judge.ask(viewOf(event), room)
      const { notifies, highlights } = weightOf(actions)
      if (notifies && (highlights || !onlyHighlights)) actionsOf.set(event, actions)
    }
    const visible = await visibility.filterVisible(room, userId, [...actionsOf.keys()])
    for (const shown of visible.reverse())
      cursor.found.push({ room, shown, actions: actionsOf.get(shown.event) ?? judge.ask(viewOf(shown.event), room) })
    cursor.next = stretch.low - 1
    cursor.bound = (page[0]?.position ?? cursor.bound) - 1
    return page.length + 1
  }

  async function show({ userId, sid }: NotificationsQuery, { room, shown, actions }: Found, reading: Reading) {
    const view = { userId, sid, omitRoomId: true }
    const [event] = await needs.clientEvents.ofTimeline(room, [shown], view)
    return {
      actions,
      event,
      read: isRead(reading, shown.event.seq, await needs.readThreadOf(shown.event)),
      room_id: room.roomId,
      ts: shown.event.pdu.origin_server_ts,
    }
  }

  return async (query) => {
    const { userId, from } = query
    const before = from === undefined ? needs.db.position + 1 : Number(pattern.exec(from)?.[1])
    if (!Number.isSafeInteger(before)) throw invalidParam('from is not a token of this server')
    const limit = Math.min(query.limit, maxLimit)
    const cursors: Cursor[] = []
    for (const membership of (await rooms.membershipsOf(userId)).values()) {
      const bound = Math.min(before - 1, rooms.lastPosition(membership.roomId) ?? 0)
      if (membership.membership === 'join') cursors.push({ membership, found: [], bound, isDone: false })
    }
    const given: Found[] = []
    let scanned = 0
    let left = nextOf(cursors)
    while (left && given.length < limit && scanned < maxScanned) {
      const found = left.found.shift()
      if (found) given.push(found)
      else scanned += await goOn(left, query, before)
      left = nextOf(cursors)
    }
    const readings = new Map<RoomId, Reading>()
    const notifications: JsonObject[] = []
    for (const found of given) {
      const { roomId } = found.room
      const reading = readings.get(roomId) ?? (await needs.readReading(userId, roomId))
      readings.set(roomId, reading)
      notifications.push(await show(query, found, reading))
    }
    return { notifications, ...(left && { next_token: `n1_${headOf(left) + 1}` }) }
  }
}

/** The cursor whose next event may be the newest of all. */
function nextOf(cursors: readonly Cursor[]): Cursor | undefined {
  let newest: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor.isDone && cursor.found.length === 0) continue
    if (!newest || headOf(cursor) > headOf(newest)) newest = cursor
  }
  return newest
}

/** The next events of a room downwards that came as news. */
function pageBelow(room: Room, { next = 0, lowest = 0 }: Cursor): { low: number; high: number } | undefined {
  const segment = room.segments.findLast(({ origin }) => origin <= next)
  if (!segment) return undefined
  const high = Math.min(next, segment.high ?? room.maxSeq)
  const low = Math.max(segment.origin, lowest, high - pageSize + 1)
  return low <= high ? { low, high } : undefined
}
