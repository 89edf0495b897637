/**
 * What sliding sync tells of one room: all of it at first, and from then on what is new.
 *
 * 1. Where the client is in the room's timeline: nowhere, if it is new to the room or comes back to it.
 * 2. The timeline from there. A client that wants more of it than before gets it again, longer.
 * 3. Of the state it asked for what it does not have; of lazy members those that the timeline shows.
 * 4. Counts, and what a list shows of the room.
 *
 * Proposal: MSC4186 (simplified sliding sync)
 */
import { type JsonObject, type PduEvent, stateKeyOf } from '../../events/pdu.js'
import type { UserId } from '../../kernel/identifiers.js'
import type { Room, RoomMembership, Rooms } from '../../rooms/room.js'
import type { ReadStrippedState } from '../invited-room.js'
import { type SectionNeeds, wantsOf } from '../joined-room.js'
import type { BuildLeftRoom } from '../left-room.js'
import { formatGap } from '../pagination-token.js'
import type { ReadSummary } from '../room-summary.js'
import { readSeqAt } from '../seq-at-position.js'
import type { SyncContext } from '../sync-context.js'
import type { TimelineWindow } from '../timeline-window.js'
import type { UnreadCounts } from '../unread-counts.js'
import type { BumpStamps } from './bump-stamp.js'
import type { ToldRoom } from './connections.js'
import { maxTimelineLimit, type RequiredState, type RoomParameters } from './request.js'
import { matchesPairs, readMembersOf, readRequiredState, readWantedState, type WantedState } from './required-state.js'

export type RoomRequest = {
  /** Its `from` is what the client has of this room; undefined: nothing. */
  context: SyncContext
  membership: RoomMembership
  parameters: RoomParameters
  told: ToldRoom | undefined
  /** Position of the connection before this answer. */
  connectionPosition: number
  isDirect: boolean
}

export type BuiltRoom = { section: JsonObject | undefined; told: Omit<ToldRoom, 'token'> }

export type BuildRoom = (request: RoomRequest) => Promise<BuiltRoom>

type Needs = SectionNeeds & {
  rooms: SectionNeeds['rooms'] & Pick<Rooms, 'readMember' | 'readMembers' | 'readCurrent'>
  readSummary: ReadSummary
  unreadCounts: Pick<UnreadCounts, 'countUnread'>
  buildLeftRoom: BuildLeftRoom
  readStrippedState: ReadStrippedState
  bumpStamps: BumpStamps
}

/** As /sync has it. */
type LeftSection = {
  timeline: { events: JsonObject[]; limited: boolean; prev_batch?: string }
  state_after: { events: (JsonObject & { type: string; state_key: string })[] }
}

const noRequiredState: RequiredState = []
const noState: ReadonlySet<string> = new Set()
const outsider = { timelineLimit: 0, required: noState, members: noState, counts: '' }

export function makeBuildRoom(needs: Needs): BuildRoom {
  const { rooms } = needs

  return async (request) => {
    const { membership } = request.membership
    if (membership === 'join') return buildJoined(request)
    if (membership === 'invite' || membership === 'knock') return buildOutside(request)
    return buildLeft(request)
  }

  async function buildOutside({ context, membership, isDirect }: RoomRequest): Promise<BuiltRoom> {
    const stripped = await needs.readStrippedState(context.userId, membership)
    return {
      section: { initial: true, invite_state: stripped, bump_stamp: membership.position, is_dm: isDirect },
      told: { as: 'outside', ...outsider },
    }
  }

  /** The end of it, once, with what became of the state that was told. */
  async function buildLeft({ context, membership, told }: RoomRequest): Promise<BuiltRoom> {
    const left = (await needs.buildLeftRoom({ context, membership })) as LeftSection
    const { events, limited, prev_batch } = left.timeline
    const wanted = told?.required ?? noState
    const state = left.state_after.events.filter(({ type, state_key: key }) => matchesPairs(wanted, type, key))
    const section = {
      timeline: events,
      limited,
      ...(prev_batch !== undefined && { prev_batch }),
      required_state: state,
    }
    return { section, told: { as: 'left', ...outsider } }
  }

  async function buildJoined(request: RoomRequest): Promise<BuiltRoom> {
    const { context, membership, parameters } = request
    const { userId } = context
    const room = await rooms.get(membership.roomId)
    const wanted = readRequiredState(parameters.required_state ?? noRequiredState, userId)
    const timelineLimit = Math.min(parameters.timeline_limit ?? 0, maxTimelineLimit)
    const told = await readStillTold(request)
    if (!room) return { section: undefined, told: { as: 'joined', ...outsider } }
    const isFirst = told === undefined
    const isExpanded = !isFirst && timelineLimit > told.timelineLimit
    const last = await readSeqAt(rooms, room, context.upTo)
    const after = isFirst ? undefined : await readSeqAt(rooms, room, told.token.position)
    const news = await readWindow(room, context, { after, last, limit: timelineLimit })
    const window = isExpanded ? await readWindow(room, context, { after: undefined, last, limit: timelineLimit }) : news
    const moved = await needs.readMovesSince(room, isFirst ? room.movedPosition : told.token.position)
    const query = {
      room,
      window: news,
      end: { node: room.node, current: room.state },
      after,
      moved,
      omitsMembers: true,
    }
    const changed = isFirst ? undefined : await needs.stateDeltas.readAfter(query)

    const isMoreWanted = isFirst || [...wanted.pairs].some((pair) => !told.required.has(pair))
    const { state, members } = await readState(room, { wanted, window, changed, told, isMoreWanted })
    const timeline = await needs.clientEvents.ofTimeline(room, window.events, context.view)
    const required = needs.clientEvents.ofState(room, state, context.view)
    const counts = await needs.unreadCounts.countUnread(userId, room.roomId)
    const spoken = JSON.stringify(counts)
    const next = {
      as: 'joined' as const,
      timelineLimit: Math.max(timelineLimit, told?.timelineLimit ?? 0),
      required: isMoreWanted ? new Set([...(told?.required ?? []), ...wanted.pairs]) : told!.required,
      members,
      counts: spoken,
    }
    const isQuiet = !isFirst && timeline.length + required.length + (changed?.size ?? 0) === 0 && !news.limited
    if (isQuiet && spoken === told.counts) return { section: undefined, told: next }
    const newest = told?.token.position ?? request.connectionPosition
    return {
      section: {
        ...(isFirst && { initial: true }),
        ...(await describe(room, userId, { isFirst, changed, isDirect: request.isDirect })),
        ...(required.length > 0 && { required_state: required }),
        ...(isExpanded && { unstable_expanded_timeline: true }),
        ...(timelineLimit > 0 && {
          timeline,
          limited: window.limited,
          prev_batch: formatGap(window.startSeq),
          num_live: newest === 0 ? 0 : window.events.filter(({ event }) => event.position > newest).length,
        }),
        ...counts,
        joined_count: room.joinedCount,
        invited_count: room.invitedCount,
        bump_stamp: needs.bumpStamps.of(room, membership.position),
      },
      told: next,
    }
  }

  /** What the client was told of a room counts no more when the user was outside it in between. */
  async function readStillTold({ told, membership, context }: RoomRequest): Promise<ToldRoom | undefined> {
    if (told?.as !== 'joined') return undefined
    const { position } = told.token
    if (membership.position <= position) return told
    const history = await needs.visibility.readHistory(membership.roomId, context.userId)
    const wasOut = history.some((change) => change.position > position && change.membership !== 'join')
    return wasOut ? undefined : told
  }

  async function readWindow(
    room: Room,
    context: SyncContext,
    { after, last, limit }: { after: number | undefined; last: number; limit: number },
  ): Promise<TimelineWindow> {
    if (after !== undefined && after >= last)
      return { events: [], limited: false, startSeq: last + 1, lastSeq: last, scanned: [] }
    const query = { room, userId: context.userId, after, last, limit, wants: wantsOf(context) }
    return needs.readTimelineWindow(query)
  }

  async function readState(
    room: Room,
    options: {
      wanted: WantedState
      window: TimelineWindow
      changed: ReadonlyMap<string, PduEvent> | undefined
      told: ToldRoom | undefined
      /** All that is wanted is read, not what has changed alone. */
      isMoreWanted: boolean
    },
  ): Promise<{ state: PduEvent[]; members: ReadonlySet<string> }> {
    const { wanted, window, changed, told, isMoreWanted } = options
    const state = new Map<string, PduEvent>()
    const put = (event: PduEvent) => state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
    const sent = told?.members ?? noState
    const isSentMember = ({ pdu }: PduEvent) =>
      pdu.type === 'm.room.member' && wanted.isLazy && sent.has(pdu.state_key ?? '')
    if (isMoreWanted) for (const event of await readWantedState(rooms, room, wanted)) put(event)
    for (const event of changed?.values() ?? [])
      if (wanted.matches(event.pdu.type, event.pdu.state_key ?? '') || isSentMember(event)) put(event)
    if (!wanted.isLazy) return { state: [...state.values()], members: sent }
    const shown = new Set(window.events.map(({ event }) => event.pdu.sender))
    const missing = [...shown].filter((user) => !sent.has(user))
    for (const event of await readMembersOf(rooms, room, missing)) put(event)
    return { state: [...state.values()], members: missing.length > 0 ? new Set([...sent, ...missing]) : sent }
  }

  /** What a list shows. */
  async function describe(
    room: Room,
    userId: UserId,
    {
      isFirst,
      changed,
      isDirect,
    }: { isFirst: boolean; changed: ReadonlyMap<string, PduEvent> | undefined; isDirect: boolean },
  ): Promise<JsonObject> {
    const read = (type: string, member: string) => {
      const value = room.state.get(stateKeyOf(type, ''))?.pdu.content[member]
      return typeof value === 'string' && value !== '' ? value : undefined
    }
    const hasChanged = (type: string) => isFirst || changed?.has(stateKeyOf(type, ''))
    const name = read('m.room.name', 'name') ?? read('m.room.canonical_alias', 'alias')
    const avatar = read('m.room.avatar', 'url')
    const isRenamed = hasChanged('m.room.name') || hasChanged('m.room.canonical_alias')
    const hasMoved = isFirst || [...(changed?.values() ?? [])].some(({ pdu }) => pdu.type === 'm.room.member')
    return {
      ...(isRenamed && name !== undefined && { name }),
      ...(hasChanged('m.room.avatar') && avatar !== undefined && { avatar }),
      ...(isFirst && { is_dm: isDirect }),
      ...(name === undefined && (hasMoved || isRenamed) && { heroes: await readHeroes(room, userId) }),
    }
  }

  async function readHeroes(room: Room, userId: UserId): Promise<JsonObject[]> {
    const { heroes } = await needs.readSummary(room, userId)
    const members = await readMembersOf(rooms, room, heroes)
    return members.map(({ pdu }) => {
      const { displayname, avatar_url } = pdu.content
      return {
        user_id: pdu.state_key!,
        ...(typeof displayname === 'string' && { displayname }),
        ...(typeof avatar_url === 'string' && { avatar_url }),
      }
    })
  }
}

/** Whether the client wants more of a room than it was told, though nothing is new. */
export const asksForMore = (parameters: RoomParameters, told: ToldRoom, userId: UserId): boolean =>
  Math.min(parameters.timeline_limit ?? 0, maxTimelineLimit) > told.timelineLimit ||
  [...readRequiredState(parameters.required_state ?? noRequiredState, userId).pairs].some(
    (pair) => !told.required.has(pair),
  )

/** Two requests for one room: whatever either of them wants. */
export function joinParameters(one: RoomParameters | undefined, other: RoomParameters): RoomParameters {
  if (!one) return other
  return {
    required_state: [...(one.required_state ?? []), ...(other.required_state ?? [])],
    timeline_limit: Math.max(one.timeline_limit ?? 0, other.timeline_limit ?? 0),
  }
}
