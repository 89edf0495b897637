/**
 * The section of /sync of a room that the user left, or was put out of: what happened up to then.
 *
 * A user who never was inside (an invitation declined, a ban of a stranger) gets that one event.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import type { JsonObject } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import type { Room, RoomMembership, Rooms, TimelineEvent } from '../rooms/room.js'
import { itemsSince } from './account-data-changes.js'
import { timelineLimitOf } from './filter.js'
import { type SectionNeeds, wantsOf } from './joined-room.js'
import { keepWantedMembers } from './lazy-members.js'
import { formatGap } from './pagination-token.js'
import { readSeqAt } from './seq-at-position.js'
import type { StateQuery } from './state-delta.js'
import type { RoomSection, RoomToSync, SyncContext } from './sync-context.js'
import { leavingIn } from './visibility.js'

export type BuildLeftRoom = (request: RoomToSync) => Promise<RoomSection>

type Needs = SectionNeeds & { rooms: SectionNeeds['rooms'] & Pick<Rooms, 'readEvent'> }

/** Of a room this server has no state of: only member events are shown, in which no version differs. */
const anyRules = roomVersionRules('12')

export function makeBuildLeftRoom({
  rooms,
  visibility,
  readTimelineWindow,
  stateDeltas,
  readMovesSince,
  clientEvents,
}: Needs): BuildLeftRoom {
  return async ({ context, membership }) => {
    const { userId, from } = context
    const { roomId } = membership
    const room = await rooms.get(roomId)
    const history = await visibility.readHistory(roomId, userId)
    const left = leavingIn(history)
    const [leaving] = left && room ? await rooms.readTimeline(roomId, left.seq, left.seq) : []
    const hasLeftSince = left !== undefined && (from === undefined || left.position > from.position)
    const accountData = itemsSince(context.account.rooms.get(roomId), from?.position ?? 0)
    const rest = { account_data: { events: accountData } }
    if (!room || !leaving || !hasLeftSince) return { ...(await readLastEvent(room, membership, context)), ...rest }

    const wasInside = from && history.findLast(({ position }) => position <= from.position)?.membership === 'join'
    const after = from && wasInside ? await readSeqAt(rooms, room, from.position) : undefined
    const read = await readTimelineWindow({
      room,
      userId,
      after,
      last: leaving.seq,
      limit: timelineLimitOf(context.filter.timeline),
      wants: wantsOf(context),
    })
    const end = { node: leaving.node, current: undefined }
    const moved = await readMovesSince(room, from && wasInside ? from.position : room.movedPosition)
    const base = { room, end, after: context.fullState ? undefined : after, moved, omitsMembers: false }
    const window = context.useStateAfter ? read : await stateDeltas.startBehindOutdated({ ...base, window: read })
    const query: StateQuery = { ...base, window }
    const timeline = await clientEvents.ofTimeline(room, window.events, context.view)
    if (membership.eventId !== leaving.eventId) timeline.push(...(await readMemberEvent(room, membership, context)))
    return {
      timeline: { events: timeline, limited: window.limited, prev_batch: formatGap(window.startSeq) },
      [context.useStateAfter ? 'state_after' : 'state']: { events: await readState(query, context) },
      ...rest,
    }
  }

  async function readState(query: StateQuery, context: SyncContext): Promise<JsonObject[]> {
    const { filter, userId, useStateAfter } = context
    const { room } = query
    const state = await (useStateAfter ? stateDeltas.readAfter(query) : stateDeltas.readBefore(query))
    if (filter.state.lazyLoadMembers)
      await keepWantedMembers(rooms, {
        query,
        state,
        also: query.after === undefined ? [userId] : [],
        sent: context.sent.ofRoom(room.roomId),
        includeRedundant: filter.state.includeRedundantMembers,
        isStateAfter: useStateAfter,
      })
    const wanted = [...state.values()].filter((event) => filter.state.matches({ ...event.pdu, roomId: room.roomId }))
    return clientEvents.ofState(room, wanted, context.view)
  }

  async function readLastEvent(
    room: Room | undefined,
    membership: RoomMembership,
    context: SyncContext,
  ): Promise<JsonObject> {
    const events = await readMemberEvent(room, membership, context)
    const prevBatch = room && membership.seq !== undefined ? { prev_batch: formatGap(membership.seq) } : {}
    return {
      timeline: { events, limited: false, ...prevBatch },
      [context.useStateAfter ? 'state_after' : 'state']: { events: [] },
    }
  }

  async function readMemberEvent(
    room: Room | undefined,
    membership: RoomMembership,
    { view }: SyncContext,
  ): Promise<JsonObject[]> {
    const event = await rooms.readEvent(membership.eventId)
    if (!event) return []
    if (room && event.seq !== undefined) return clientEvents.ofTimeline(room, [{ event: event as TimelineEvent }], view)
    return anyRules ? clientEvents.ofState({ rules: anyRules }, [event], view) : []
  }
}
