/**
 * Judges what is said for those who have pushers, and writes what they are to be told of into their pushers' queues: behind the
 * acknowledgement, as a lane of the projection, so that a crash loses nothing and tells nothing twice.
 *
 * An event costs one look at who in its room has a pusher; where nobody has, it is not taken at all. The push rules are those of
 * the user, the room is as it is now, and what the user may not see is nobody's to tell.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
import type { PduEvent } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import type { LaneParts } from '../live/projector/lane.js'
import type { Work } from '../live/projector/work.js'
import type { Room, Rooms, TimelineEvent } from '../rooms/room.js'
import { type PusherKey, type PushRow, setPushRow } from '../store/push-queue-store.js'
import { type JudgedRoom, type ReadJudge, weightOf } from '../sync/unread-judge.js'
import type { Visibility } from '../sync/visibility.js'
import type { PushAction } from './default-push-rules.js'
import { describeOutsideInvite } from './describe-push.js'
import { type EventView, viewOf } from './evaluate.js'

type Needs = {
  rooms: Pick<Rooms, 'get' | 'peek' | 'readTimeline' | 'membershipsOf'>
  readJudge: ReadJudge
  visibility: Pick<Visibility, 'filterVisible'>
  clock: Pick<Clock, 'now'>
  /** Users who have pushers. */
  users: ReadonlySet<UserId>
  /** The pushers of a user that are told of what came at a position. */
  pushersOf(userId: UserId, position: number): PusherKey[]
  /** Is durable in the pusher's queue. */
  written(key: PusherKey, row: PushRow): void
}

type EventWork = Extract<Work, { kind: 'event' }>
type MembershipWork = Extract<Work, { kind: 'membership' }>

export function pushLane(needs: Needs): LaneParts {
  const { rooms, users } = needs

  /** Those of a room who have pushers: whichever are fewer are gone through. */
  function* listeners({ localMembers }: Room): Generator<UserId> {
    const [few, many] = users.size < localMembers.size ? [users, localMembers] : [localMembers, users]
    for (const userId of few.keys()) if (many.has(userId)) yield userId
  }

  function mayHear(work: EventWork): boolean {
    if (users.size === 0 || work.historical) return false
    const room = rooms.peek(work.roomId)
    return !room || !listeners(room).next().done
  }

  async function judge(room: Room, event: TimelineEvent, view: EventView, userId: UserId) {
    const isInvitation = isInvitationOf(event, userId)
    if (room.localMembers.get(userId) !== (isInvitation ? 'invite' : 'join')) return undefined
    const actions = (await needs.readJudge(userId, room)).ask(view, room)
    if (!weightOf(actions).notifies) return undefined
    const isSeen = isInvitation || (await needs.visibility.filterVisible(room, userId, [event])).length > 0
    return isSeen ? actions : undefined
  }

  type Push = { key: PusherKey; row: PushRow }
  const toRows = (userId: UserId, row: Omit<PushRow, 'actions' | 'ts'>, actions: readonly PushAction[]): Push[] =>
    needs
      .pushersOf(userId, row.position)
      .map((key) => ({ key, row: { ...row, actions: JSON.stringify(actions), ts: needs.clock.now() } }))

  async function ofEvent({ roomId, eventId, seq, position }: EventWork): Promise<Push[]> {
    const room = await rooms.get(roomId)
    const [event] = room ? await rooms.readTimeline(roomId, seq, seq) : []
    if (!room || !event || event.redactedBy) return []
    const view = viewOf(event)
    const found: Push[] = []
    for (const userId of listeners(room)) {
      const actions = await judge(room, event, view, userId)
      if (actions) found.push(...toRows(userId, { position, room_id: roomId, event_id: eventId, seq }, actions))
    }
    return found
  }

  /** An invitation over federation has no place in a room here: it is judged by what came with it. */
  async function ofInvite({ roomId, userId, position }: MembershipWork): Promise<Push[]> {
    const told = await describeOutsideInvite(rooms, userId, roomId)
    if (!told) return []
    const { eventId, sender, content } = told
    const pdu = { type: 'm.room.member', state_key: userId, sender, content, origin_server_ts: 0 }
    const view = viewOf({ eventId, roomId, pdu } as unknown as PduEvent) // all that the rules ask of
    const actions = (await needs.readJudge(userId, undefined)).ask(view, unknownRoom)
    return weightOf(actions).notifies ? toRows(userId, { position, room_id: roomId, event_id: eventId }, actions) : []
  }

  return {
    name: 'pushes',
    version: 1,
    takes(work) {
      if (work.kind === 'event') return mayHear(work)
      return work.kind === 'membership' && users.has(work.userId)
    },
    async build(works) {
      const pushes: Push[] = []
      for (const work of works)
        if (work.kind === 'event') pushes.push(...(await ofEvent(work)))
        else if (work.kind === 'membership') pushes.push(...(await ofInvite(work)))
      return {
        loud: pushes.map(({ key, row }) => setPushRow(key, row)),
        written() {
          for (const { key, row } of pushes) needs.written(key, row)
        },
      }
    },
    // What happened before is not told any more.
    async rebuild() {},
  }
}

const isInvitationOf = ({ pdu }: PduEvent, userId: UserId) =>
  pdu.type === 'm.room.member' && pdu.state_key === userId && pdu.content.membership === 'invite'

/** Of which nothing is known here. */
const unknownRoom: JudgedRoom = { joinedCount: 0, powerLevels: { userLevel: () => 0, notificationLevel: () => 50 } }
