/**
 * A joined room's section of /sync.
 *
 * 1. Where the client is in the room's timeline: nowhere, if it is new to the room.
 * 2. The timeline from there, at most as long as asked for.
 * 3. The state that the timeline alone does not tell, members reduced to those wanted.
 * 4. What is not of the room's history: receipts, typing, account data, counts.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import { isIgnored } from '../events/ignored-users.js'
import type { JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import { itemsSince } from './account-data-changes.js'
import type { ClientEvents } from './client-events.js'
import type { ReadEphemeral } from './ephemeral.js'
import { timelineLimitOf } from './filter.js'
import { keepWantedMembers } from './lazy-members.js'
import { formatGap } from './pagination-token.js'
import type { ReadSummary, RoomSummary } from './room-summary.js'
import { readSeqAt } from './seq-at-position.js'
import type { StateDeltas, StateQuery } from './state-delta.js'
import type { ReadMovesSince } from './state-moves.js'
import type { RoomSection, RoomToSync, SyncContext } from './sync-context.js'
import { mainThread } from './thread-of.js'
import type { ReadTimelineWindow, TimelineWindow } from './timeline-window.js'
import type { UnreadCounts } from './unread-counts.js'
import type { Visibility } from './visibility.js'

export type SectionNeeds = {
  rooms: Pick<Rooms, 'get' | 'readEvents' | 'readTimeline' | 'readStateEntriesAt'>
  visibility: Pick<Visibility, 'readHistory'>
  readTimelineWindow: ReadTimelineWindow
  stateDeltas: StateDeltas
  readMovesSince: ReadMovesSince
  clientEvents: ClientEvents
}

type Needs = SectionNeeds & {
  readEphemeral: ReadEphemeral
  readSummary: ReadSummary
  unreadCounts: UnreadCounts
}

export type BuildJoinedRoom = (request: RoomToSync) => Promise<RoomSection>

export function makeBuildJoinedRoom(needs: Needs): BuildJoinedRoom {
  const { rooms, visibility, readTimelineWindow, stateDeltas, clientEvents, readEphemeral, readSummary, unreadCounts } =
    needs

  return async ({ context, membership }) => {
    const { from, filter, userId, fullState } = context
    const { roomId } = membership
    const room = await rooms.get(roomId)
    if (!room) return undefined
    const isNew =
      from !== undefined && membership.position > from.position && (await hasComeIn(roomId, userId, from.position))
    const isFirst = from === undefined || isNew
    const last = await readSeqAt(rooms, room, context.upTo)
    const after = isFirst ? undefined : await readSeqAt(rooms, room, from.position)
    if (isNew) context.sent.forgetRoom(roomId)

    const read = await readWindow(room, context, after, last)
    const moved = await needs.readMovesSince(room, isFirst ? room.movedPosition : from.position)
    const end = { node: room.node, current: room.state }
    const omitsMembers = filter.state.lazyLoadMembers
    const base = { room, end, after: fullState ? undefined : after, moved, omitsMembers }
    const whole = { ...base, window: isNew ? { ...read, limited: true } : read }
    const window = context.useStateAfter ? whole.window : await stateDeltas.startBehindOutdated(whole)
    const query: StateQuery = { ...base, window }
    const summary = membersChanged(query) ? await readSummary(room, userId) : undefined
    const state = await readState(query, context, summary)
    const timeline = await clientEvents.ofTimeline(room, window.events, context.view)
    const ephemeral = await readEphemeral(context, roomId, isNew)
    const accountData = itemsSince(context.account.rooms.get(roomId), isFirst ? 0 : from.position).filter((item) =>
      filter.roomAccountData({ type: String(item.type), roomId }),
    )
    const isQuiet = timeline.length + state.length + ephemeral.length + accountData.length === 0 && !window.limited
    if (isQuiet && !isFirst && !fullState) return undefined
    return {
      ...(summary ? { summary: summaryOf(summary) } : {}),
      timeline: { events: timeline, limited: window.limited, prev_batch: formatGap(window.startSeq) },
      [context.useStateAfter ? 'state_after' : 'state']: { events: state },
      ephemeral: { events: ephemeral },
      account_data: { events: accountData },
      ...(await readCounts(context, roomId)),
    }
  }

  /** Whether the user was outside the room at some point after a position: a new profile is no new join. */
  async function hasComeIn(roomId: RoomId, userId: UserId, position: number): Promise<boolean> {
    const history = await visibility.readHistory(roomId, userId)
    const before = history.findLast((change) => change.position <= position)
    return (
      before?.membership !== 'join' ||
      history.some((change) => change.position > position && change.membership !== 'join')
    )
  }

  async function readWindow(
    room: Room,
    context: SyncContext,
    after: number | undefined,
    last: number,
  ): Promise<TimelineWindow> {
    if (after !== undefined && after >= last)
      return { events: [], limited: false, startSeq: last + 1, lastSeq: last, scanned: [] }
    const { filter, userId } = context
    return readTimelineWindow({
      room,
      userId,
      after,
      last,
      limit: timelineLimitOf(filter.timeline),
      wants: wantsOf(context),
    })
  }

  async function readState(
    query: StateQuery,
    context: SyncContext,
    summary: RoomSummary | undefined,
  ): Promise<JsonObject[]> {
    const { filter, userId, useStateAfter } = context
    const { room } = query
    const state = await (useStateAfter ? stateDeltas.readAfter(query) : stateDeltas.readBefore(query))
    if (filter.state.lazyLoadMembers) {
      const heroes = summary && !summary.isNamed ? summary.heroes : []
      await keepWantedMembers(rooms, {
        query,
        state,
        also: query.after === undefined ? [userId, ...heroes] : heroes,
        sent: context.sent.ofRoom(room.roomId),
        includeRedundant: filter.state.includeRedundantMembers || context.fullState,
        isStateAfter: useStateAfter,
      })
    }
    const wanted = [...state.values()].filter((event) => filter.state.matches({ ...event.pdu, roomId: room.roomId }))
    return clientEvents.ofState(room, wanted, context.view)
  }

  async function readCounts({ userId, filter }: SyncContext, roomId: RoomId): Promise<JsonObject> {
    if (!filter.timeline.unreadThreadNotifications)
      return { unread_notifications: await unreadCounts.countUnread(userId, roomId) }
    const threads = new Map(await unreadCounts.countThreads(userId, roomId))
    const main = threads.get(mainThread) ?? { notification_count: 0, highlight_count: 0 }
    threads.delete(mainThread)
    return {
      unread_notifications: main,
      ...(threads.size > 0 ? { unread_thread_notifications: Object.fromEntries(threads) } : {}),
    }
  }
}

/** What of the timeline a filter and the user's ignore list let through. State is needed to understand the room. */
export function wantsOf({ filter, account }: SyncContext): (event: TimelineEvent) => boolean {
  return ({ pdu, roomId }) => filter.timeline.matches({ ...pdu, roomId }) && !isIgnored(account.ignored, pdu)
}

const membersChanged = ({ after, window, moved }: StateQuery) =>
  after === undefined ||
  moved.size > 0 ||
  window.limited ||
  window.scanned.some(({ pdu }) => pdu.type === 'm.room.member')

const summaryOf = ({ heroes, joinedCount, invitedCount, isNamed }: RoomSummary): JsonObject => ({
  ...(isNamed ? {} : { 'm.heroes': heroes }),
  'm.joined_member_count': joinedCount,
  'm.invited_member_count': invitedCount,
})
