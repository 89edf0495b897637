/**
 * One event, alone or with what happened around it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
 */
import { isIgnored } from '../events/ignored-users.js'
import type { JsonObject, PduEvent } from '../events/pdu.js'
import { notFound } from '../kernel/errors.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import type { ReadAccountDataOf } from './account-data-changes.js'
import type { ClientEvents, VisibleEvent } from './client-events.js'
import type { RoomEventFilter } from './filter.js'
import { formatGap } from './pagination-token.js'
import type { ReadPage } from './read-messages.js'
import type { ReadSenders } from './read-senders.js'
import type { RoomAccess, Visibility } from './visibility.js'

type Reader = { userId: UserId; sid: string; roomId: RoomId; eventId: EventId }
type ContextQuery = Reader & { limit: number; filter: RoomEventFilter }

export type EventContext = {
  start: string
  end: string
  event: JsonObject
  events_before: JsonObject[]
  events_after: JsonObject[]
  state: JsonObject[]
}

export type ReadEvents = {
  /** @throws MatrixError 404 for an event that is not there or not to be seen */
  readEvent(reader: Reader): Promise<JsonObject>
  /** @throws MatrixError 403 without access to the room, 404 as above */
  readContext(query: ContextQuery): Promise<EventContext>
  /** The event where the user may see it; undefined otherwise. */
  findVisible(access: RoomAccess, userId: UserId, eventId: EventId): Promise<VisibleEvent | undefined>
}

const maxContext = 100

type Needs = {
  rooms: Pick<Rooms, 'readEvent' | 'readEvents' | 'readMembers' | 'readStateNode'>
  visibility: Pick<Visibility, 'readAccess' | 'checkAccess' | 'filterVisible'>
  readPage: ReadPage
  clientEvents: ClientEvents
  readAccountDataOf: ReadAccountDataOf
  readSenders: ReadSenders
}

export function makeReadEvents({
  rooms,
  visibility,
  readPage,
  clientEvents,
  readAccountDataOf,
  readSenders,
}: Needs): ReadEvents {
  async function findVisible(
    { room }: RoomAccess,
    userId: UserId,
    eventId: EventId,
  ): Promise<VisibleEvent | undefined> {
    // From memory where it is recent: that copy knows the transaction it was sent under.
    const event = room.recent.find((recent) => recent.eventId === eventId) ?? (await rooms.readEvent(eventId))
    if (!event || event.roomId !== room.roomId || event.seq === undefined || event.rejected) return undefined
    const [visible] = await visibility.filterVisible(room, userId, [event as TimelineEvent]) // has a seq: it is in the timeline
    return visible
  }

  /**
   * The state after the last event shown, without members nobody asked for. Who is outside gets what was theirs
   * when they left, whatever events they are shown; who was never inside gets none.
   */
  async function readStateAt(
    access: RoomAccess,
    last: VisibleEvent,
    shown: readonly VisibleEvent[],
    filter: RoomEventFilter,
  ): Promise<PduEvent[]> {
    const { room, kind } = access
    if (kind === 'invited') return []
    const node = kind === 'former' && last.membership !== 'join' ? (access.node ?? last.event.node) : last.event.node
    const isCurrent = node === room.node
    const members = isCurrent && !filter.lazyLoadMembers ? await rooms.readMembers(room) : []
    const state = isCurrent ? [...room.state.values(), ...members] : await readNode(room.roomId, node)
    const wanted = state.filter(({ pdu }) => filter.matches({ ...pdu, roomId: room.roomId }))
    if (!filter.lazyLoadMembers) return wanted
    const senders = await readSenders({ ...access, node: isCurrent ? undefined : node }, shown)
    return [...wanted.filter(({ pdu }) => pdu.type !== 'm.room.member'), ...senders]
  }

  const readNode = async (roomId: RoomId, node: number) =>
    rooms.readEvents([...(await rooms.readStateNode(roomId, node)).values()])

  return {
    findVisible,
    async readEvent({ userId, sid, roomId, eventId }) {
      const access = await visibility.readAccess(userId, roomId)
      const visible = access && (await findVisible(access, userId, eventId))
      if (!visible) throw notFound('There is no such event, or it is not yours to see')
      const [event] = await clientEvents.ofTimeline(access.room, [visible], { userId, sid, omitRoomId: false })
      return event ?? {}
    },
    async readContext({ userId, sid, roomId, eventId, limit, filter }) {
      const access = await visibility.checkAccess(userId, roomId)
      const visible = await findVisible(access, userId, eventId)
      if (!visible) throw notFound('There is no such event, or it is not yours to see')
      const { seq } = visible.event
      const { ignored } = await readAccountDataOf(userId)
      const wants = ({ pdu }: TimelineEvent) => filter.matches({ ...pdu, roomId }) && !isIgnored(ignored, pdu)
      const many = Math.min(limit, filter.limit ?? limit, maxContext)
      const page = { access, userId, to: undefined, wants }
      const before = await readPage({ ...page, direction: 'b', from: seq, limit: Math.ceil(many / 2) })
      const after = await readPage({ ...page, direction: 'f', from: seq + 1, limit: Math.floor(many / 2) })

      const last = after.events.at(-1) ?? visible
      const shown = [...before.events, visible, ...after.events]
      const view = { userId, sid, omitRoomId: false }
      return {
        start: formatGap(before.next ?? before.events.at(-1)?.event.seq ?? seq),
        end: formatGap(after.next ?? last.event.seq + 1),
        event: (await clientEvents.ofTimeline(access.room, [visible], view))[0] ?? {},
        events_before: await clientEvents.ofTimeline(access.room, before.events, view),
        events_after: await clientEvents.ofTimeline(access.room, after.events, view),
        state: clientEvents.ofState(access.room, await readStateAt(access, last, shown, filter), view),
      }
    },
  }
}
