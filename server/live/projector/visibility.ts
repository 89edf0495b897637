/**
 * Who may see an event, reduced to numbers that the tables' PERMISSIONS compare.
 *
 * An event row carries the history visibility that held when it was sent. A member row carries the bounds
 * of the user's latest time in the room, in seq units; each is inclusive. One range suffices for almost
 * everybody; what was visible in an older time only is served by /messages, never leaked:
 *
 * | visibility | visible where |
 * |---|---|
 * | any | joined_from ≤ seq ≤ joined_to |
 * | shared, world_readable | seq ≤ shared_to: they were joined then or joined later |
 * | invited | invited_from ≤ seq ≤ joined_to |
 *
 * A user's own member event lies inside the bounds it changes, since either membership lets it be seen.
 * A history visibility event carries the more open of the two it stands between. What a user said who was erased since is
 * for those who were there.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
import { LRUCache } from 'lru-cache'
import { type HistoryVisibility, readHistoryVisibility } from '../../events/history-visibility.js'
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { EventId, RoomId, UserId } from '../../kernel/identifiers.js'
import type { Room, Rooms, StoredEvent } from '../../rooms/room.js'
import { isFilledIn } from '../../rooms/segments.js'

export type Bounds = { joined_from: number; joined_to: number; shared_to: number; invited_from: number }

/** Backfilled events have negative seq, so "none" must lie beyond every seq on its own side. */
const never = Number.MAX_SAFE_INTEGER

/** Sees nothing: who was never invited or joined, and who has forgotten the room. */
export const noBounds: Readonly<Bounds> = {
  joined_from: never,
  joined_to: -never,
  shared_to: -never,
  invited_from: never,
}

/** @param history membership changes of one user, oldest first */
export function boundsOf(history: readonly { membership: string; seq: number }[]): Bounds {
  const bounds = { ...noBounds }
  let before: string | undefined
  for (const { membership, seq } of history) {
    if (membership === before) continue // a new name or picture
    if (membership === 'join') {
      bounds.joined_from = seq
      if (before !== 'invite') bounds.invited_from = seq
      bounds.joined_to = never
      bounds.shared_to = never
    } else if (membership === 'invite') {
      bounds.joined_from = never
      bounds.invited_from = seq
      bounds.joined_to = never
    } else {
      if (before === 'join' || before === 'invite') bounds.joined_to = seq
      if (before === 'join') bounds.shared_to = seq
    }
    before = membership
  }
  return bounds
}

export type ReadBounds = (roomId: RoomId, userId: UserId) => Promise<Bounds>

/** What a local user may see of a room, as it is by now. */
export function makeReadBounds(rooms: Pick<Rooms, 'membershipsOf' | 'readMembershipHistory'>): ReadBounds {
  return async (roomId, userId) => {
    const own = (await rooms.membershipsOf(userId)).get(roomId)
    if (!own || own.forgotten) return noBounds
    return boundsOf(await rooms.readMembershipHistory(roomId, userId))
  }
}

/** What the PERMISSIONS of `room_events` say, in TypeScript. */
export function isInSight(bounds: Bounds, visibility: HistoryVisibility, seq: number): boolean {
  if (bounds.joined_from <= seq && seq <= bounds.joined_to) return true
  if (visibility === 'shared' || visibility === 'world_readable') return seq <= bounds.shared_to
  return visibility === 'invited' && bounds.invited_from <= seq && seq <= bounds.joined_to
}

const openness: readonly HistoryVisibility[] = ['joined', 'invited', 'shared', 'world_readable']
const moreOpen = (a: HistoryVisibility, b: HistoryVisibility) => (openness.indexOf(a) > openness.indexOf(b) ? a : b)

const isVisibilityEvent = ({ pdu }: PduEvent) => pdu.type === 'm.room.history_visibility' && pdu.state_key === ''
const visibilityIn = (event: PduEvent | undefined) => readHistoryVisibility(event?.pdu.content.history_visibility)

/** From `since` on, counted in seq. */
type Period = { since: number; visibility: HistoryVisibility }
const visibilityKey = stateKeyOf('m.room.history_visibility', '')

export type ReadVisibility = (room: Room, event: StoredEvent) => Promise<HistoryVisibility>

/**
 * Reads the visibility that held when an event was sent. For events in the order this server accepted them it
 * is the last one before; of what was filled in, and in a room with a hole, that order says too little: there the
 * state at the event does.
 */
export function makeReadVisibility(
  rooms: Pick<Rooms, 'readEvents' | 'readStateEntryAt'>,
  isErased: (userId: UserId) => boolean,
): ReadVisibility {
  const known = new LRUCache<RoomId, { of: EventId | undefined; periods: Period[] }>({ max: 1_000 })

  /** Newest first: along the chain of what replaced what. */
  async function readPeriods(room: Room): Promise<Period[]> {
    const current = room.state.get(visibilityKey)?.eventId
    const cached = known.get(room.roomId)
    if (cached && cached.of === current) return cached.periods
    const periods: Period[] = []
    const seen = new Set<EventId>()
    let isDurable = true
    for (let eventId = current; eventId && !seen.has(eventId); ) {
      seen.add(eventId)
      const [event]: StoredEvent[] = await rooms.readEvents([eventId])
      if (!event) break
      // The room in memory may be a commit ahead: an event that is on its way holds for nothing yet.
      if (event.seq === undefined && event.status === 'accepted') isDurable = false
      else periods.push({ since: event.seq ?? Number.NEGATIVE_INFINITY, visibility: visibilityIn(event) })
      eventId = event.replaces
    }
    if (isDurable) known.set(room.roomId, { of: current, periods })
    return periods
  }

  return async (room, event) => {
    const { seq, node } = event
    if (seq === undefined || isErased(event.pdu.sender)) return 'joined'
    let before: HistoryVisibility
    if (room.segments.length > 1 || isFilledIn(room, seq)) {
      if (node === undefined) return 'joined'
      const [replaced] = isVisibilityEvent(event) && event.replaces ? await rooms.readEvents([event.replaces]) : []
      const held = replaced ?? (await rooms.readStateEntryAt(room.roomId, node, 'm.room.history_visibility', ''))
      before = visibilityIn(held)
    } else {
      const period = (await readPeriods(room)).find(({ since }) => since < seq)
      before = period?.visibility ?? 'shared'
    }
    return isVisibilityEvent(event) ? moreOpen(before, visibilityIn(event)) : before
  }
}
