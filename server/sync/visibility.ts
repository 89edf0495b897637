/**
 * What a user may see of a room: the one place that /sync, /messages, /context, /event, /state and
 * /members ask.
 *
 * Two questions. *Access*: may the user read the room at all, and up to where is its state theirs?
 * *Sight*: which of these events were visible to them, by the history visibility and their membership
 * when each was sent (events/history-visibility.ts has the rule)?
 *
 * Where in a room's history a membership or a visibility held is told by seq, the order in which this server
 * accepted the events. Of what was filled in, and in a room with a hole, that order says too little: there the state
 * at the event tells.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
import { LRUCache } from 'lru-cache'
import { type HistoryVisibility, mayUserSeeEvent, readHistoryVisibility } from '../events/history-visibility.js'
import { type PduEvent, stateKeyOf } from '../events/pdu.js'
import { redactPdu } from '../events/redaction.js'
import { forbidden } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Membership, Room, RoomMembership, Rooms, TimelineEvent } from '../rooms/room.js'
import { isFilledIn } from '../rooms/segments.js'
import type { VisibleEvent } from './client-events.js'

export type MembershipHistory = Awaited<ReturnType<Rooms['readMembershipHistory']>>

export type RoomAccess = {
  room: Room
  /** The user's row, if they ever had to do with the room. */
  membership: RoomMembership | undefined
  /**
   * - `joined`: the current state is theirs
   * - `former`: the state as of their last leaving is theirs
   * - `peeking`: the room is world readable; the current state is everybody's
   * - `invited`: only events that an `invited` room shows from the invitation on; no state
   */
  kind: 'joined' | 'former' | 'peeking' | 'invited'
  /** Seq of the last event that may be shown: that of the leaving, or none. */
  lastSeq: number | undefined
  /** Node of the state that is theirs, where it is not the current one. */
  node: number | undefined
}

export type Visibility = {
  /** Undefined where the user may read nothing of the room, or this server does not know it. */
  readAccess(userId: UserId, roomId: RoomId): Promise<RoomAccess | undefined>
  /** @throws MatrixError 403 `M_FORBIDDEN` where there is no access, whether or not the room exists */
  checkAccess(userId: UserId, roomId: RoomId): Promise<RoomAccess>
  /** Those of the events that the user may see; in the order given, which is by seq, up or down. */
  filterVisible(room: Room, userId: UserId, events: readonly TimelineEvent[]): Promise<VisibleEvent[]>
  /** Membership changes of a user, oldest first; kept in memory until there is a newer one. */
  readHistory(roomId: RoomId, userId: UserId): Promise<MembershipHistory>
}

/** From `since` on, counted in seq; the first entry also covers all before it. */
type VisibilityPeriod = { since: number; visibility: HistoryVisibility }

type Needs = { rooms: Rooms; isErased(userId: UserId): boolean }

const visibilityKey = stateKeyOf('m.room.history_visibility', '')
const cached = { histories: 20_000, rooms: 2_000 } as const

export function makeVisibility({ rooms, isErased }: Needs): Visibility {
  const histories = new LRUCache<string, MembershipHistory>({ max: cached.histories })
  const periods = new LRUCache<RoomId, { of: string; list: VisibilityPeriod[] }>({ max: cached.rooms })

  async function readHistory(roomId: RoomId, userId: UserId): Promise<MembershipHistory> {
    const newest = (await rooms.membershipsOf(userId)).get(roomId)
    if (!newest) return []
    const key = `${roomId} ${userId}`
    const known = histories.get(key)
    if (known && known.at(-1)?.eventId === newest.eventId) return known
    const history = await rooms.readMembershipHistory(roomId, userId)
    histories.set(key, history)
    return history
  }

  /**
   * The visibility event of the durable state: `room.state` may be a commit ahead of it, and an event must
   * not be shown by a change that may yet fail.
   */
  async function currentEvent(room: Room): Promise<PduEvent | undefined> {
    const last = room.recent.at(-1)
    if (!last || last.node === room.node) return room.state.get(visibilityKey)
    return rooms.readStateEntryAt(room.roomId, last.node, 'm.room.history_visibility', '')
  }

  /** The visibilities the room has had, newest first: along the chain of what replaced what. */
  async function readPeriods(room: Room): Promise<VisibilityPeriod[]> {
    const current = await currentEvent(room)
    const of = `${current?.eventId} ${room.minSeq}` // backfill gives a place to events that had none
    const known = periods.get(room.roomId)
    if (known?.of === of) return known.list
    const list: VisibilityPeriod[] = []
    const seen = new Set<EventId>()
    for (let eventId = current?.eventId; eventId && !seen.has(eventId); ) {
      seen.add(eventId)
      const event = await rooms.readEvent(eventId)
      if (!event) break
      const visibility = readHistoryVisibility(event.pdu.content.history_visibility)
      // One without a place came with the state of a join: it held at the beginning of what we have.
      list.push({ since: event.seq ?? Number.NEGATIVE_INFINITY, visibility })
      eventId = event.seq === undefined ? undefined : event.replaces
    }
    periods.set(room.roomId, { of, list })
    return list
  }

  async function visibilityBefore(room: Room, event: TimelineEvent): Promise<HistoryVisibility> {
    if (holdsSince(room, event.seq)) return visibilityOf(room.state.get(visibilityKey))
    const list = await readPeriods(room)
    // At its own seq a visibility is not yet the one before.
    const period = list.find(({ since }) => since < event.seq)
    if (period) return period.visibility
    // Before the first there was none, unless that lies in history this server does not have.
    return room.historyComplete ? 'shared' : (list.at(-1)?.visibility ?? 'shared')
  }

  /** What a state entry held before an event, by the state node of the event. */
  async function entryBefore(
    room: Room,
    event: TimelineEvent,
    type: string,
    key: string,
  ): Promise<PduEvent | undefined> {
    const isOwn = event.pdu.type === type && event.pdu.state_key === key
    if (!isOwn) return rooms.readStateEntryAt(room.roomId, event.node, type, key)
    return event.replaces && rooms.readEvent(event.replaces)
  }

  const visibilityIn = async (room: Room, event: TimelineEvent): Promise<HistoryVisibility> =>
    visibilityOf(await entryBefore(room, event, 'm.room.history_visibility', ''))

  async function membershipIn(room: Room, event: TimelineEvent, userId: UserId): Promise<Membership | undefined> {
    const member = await entryBefore(room, event, 'm.room.member', userId)
    return member?.pdu.content.membership as Membership | undefined // the auth rules know no other
  }

  async function filterVisible(room: Room, userId: UserId, events: readonly TimelineEvent[]): Promise<VisibleEvent[]> {
    const [first] = events
    const last = events.at(-1)
    if (!first || !last) return []
    const own = (await rooms.membershipsOf(userId)).get(room.roomId)
    const isJoined = own?.membership === 'join'
    if (isJoined && own.seq !== undefined && Math.min(first.seq, last.seq) >= own.seq)
      return events.map((event) => ({ event, membership: 'join' }))

    const history = await readHistory(room.roomId, userId)
    const lastJoin = history.findLast(({ membership }) => membership === 'join')?.seq
    const visible: VisibleEvent[] = []
    for (const event of events) {
      const byState = room.segments.length > 1 || isFilledIn(room, event.seq)
      const visibility = byState ? await visibilityIn(room, event) : await visibilityBefore(room, event)
      const joinedLater = isJoined || (lastJoin !== undefined && lastJoin > event.seq)
      const before = byState
        ? await membershipIn(room, event, userId)
        : history.findLast(({ seq }) => seq < event.seq)?.membership
      const after = isOwnMemberEvent(event, userId) ? (event.pdu.content.membership as Membership) : before
      const sight = { visibility, membershipAtEvent: before, joinedLater, membershipAfter: after }
      if (!mayUserSeeEvent(isVisibilityEvent(event) ? { ...sight, visibilityAfter: visibilityTold(event) } : sight))
        continue
      const isRedacted = before !== 'join' && after !== 'join' && isErased(event.pdu.sender)
      visible.push({ event: isRedacted ? redactedCopy(room, event) : event, membership: after ?? 'leave' })
    }
    return visible
  }

  async function readAccess(userId: UserId, roomId: RoomId): Promise<RoomAccess | undefined> {
    const room = await rooms.get(roomId)
    if (!room) return undefined
    const membership = (await rooms.membershipsOf(userId)).get(roomId)
    const base = { room, membership, lastSeq: undefined, node: undefined }
    if (membership?.membership === 'join') return { ...base, kind: 'joined' }
    if ((await currentVisibility(room)) === 'world_readable') return { ...base, kind: 'peeking' }
    if (!membership || membership.forgotten) return undefined

    const history = await readHistory(roomId, userId)
    const left = leavingIn(history)
    if (left) {
      const [event] = await rooms.readTimeline(roomId, left.seq, left.seq)
      // Invited again where invitations show events: those after the leaving are for the rule to judge.
      const lastSeq = membership.membership === 'invite' ? undefined : left.seq
      return event && { ...base, kind: 'former', lastSeq, node: event.node }
    }
    const isShownToInvited = membership.membership === 'invite' && (await currentVisibility(room)) === 'invited'
    return isShownToInvited && membership.seq !== undefined ? { ...base, kind: 'invited' } : undefined
  }

  const currentVisibility = async (room: Room) => visibilityOf(await currentEvent(room))

  return {
    readAccess,
    async checkAccess(userId, roomId) {
      const access = await readAccess(userId, roomId)
      if (!access) throw forbidden('You are not and were not in this room')
      return access
    },
    filterVisible,
    readHistory,
  }
}

/** What somebody said who was erased since, to those who were not there. */
const redactedCopy = ({ rules }: Room, event: TimelineEvent): TimelineEvent => ({
  ...event,
  pdu: redactPdu(event.pdu, rules),
})

const visibilityOf = (event: PduEvent | undefined): HistoryVisibility =>
  readHistoryVisibility(event?.pdu.content.history_visibility)

/** Whether the memory alone tells that the visibility of the current state held before this seq too. */
function holdsSince({ recent, node }: Room, seq: number): boolean {
  const oldest = recent[0]
  if (!oldest || oldest.seq > seq || recent.at(-1)?.node !== node) return false
  return !recent.some((event) => event.seq >= seq && isVisibilityEvent(event))
}

const isVisibilityEvent = ({ pdu }: PduEvent) => pdu.type === 'm.room.history_visibility' && pdu.state_key === ''

/** Never undefined, which would mean "as before". */
const visibilityTold = (event: PduEvent): unknown => visibilityOf(event)

export const isOwnMemberEvent = ({ pdu }: PduEvent, userId: UserId) =>
  pdu.type === 'm.room.member' && pdu.state_key === userId

/** The change by which the user's last time in the room ended; undefined for one who never joined or is joined. */
export function leavingIn(history: MembershipHistory): MembershipHistory[number] | undefined {
  const lastJoin = history.findLastIndex(({ membership }) => membership === 'join')
  return lastJoin < 0 ? undefined : history[lastJoin + 1]
}
