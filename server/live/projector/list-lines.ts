/** Makes the line of a room in a user's list from what is the case now. */
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import { readPowerLevels } from '../../events/power-levels.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Room, RoomMembership, Rooms } from '../../rooms/room.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import { makeReadLastEvent } from './last-event.js'
import { candidatesOf, factsOf, makeReadCandidates, nobody } from './room-facts.js'
import {
  displayNameIn,
  type OwnParts,
  type RoomParts,
  type SummaryParts,
  type SummaryRow,
  strippedSummaryRow,
  summaryRow,
} from './summary-row.js'
import type { UserFactsReader } from './user-facts.js'
import { isInSight, noBounds, type ReadBounds, type ReadVisibility } from './visibility.js'

export type LinesNeeds = {
  rooms: Pick<Rooms, 'membershipsOf' | 'readTimeline' | 'readEvents' | 'readStateNode' | 'readMember' | 'readMembers'>
  userFacts: UserFactsReader
  readBounds: ReadBounds
  readVisibility: ReadVisibility
  countUnread(userId: UserId, roomId: RoomId): Promise<{ notification_count: number; highlight_count: number }>
  /** A user's own receipts in a room, of all types and threads. */
  readOwnReceipts(userId: UserId, roomId: RoomId): Promise<readonly ReceiptRow[]>
}

/** A room and what all lines of it share. */
export type SharedParts = RoomParts & { room: Room }

/** Members of a room that was left, read to say how it was; of a larger one only its own state is. */
const maxMembersThen = 500

export class ListLines {
  readonly #needs: LinesNeeds
  readonly #candidates: ReturnType<typeof makeReadCandidates>
  readonly #lastEvents: ReturnType<typeof makeReadLastEvent>

  constructor(needs: LinesNeeds) {
    this.#needs = needs
    this.#candidates = makeReadCandidates(needs.rooms)
    this.#lastEvents = makeReadLastEvent(needs.rooms)
  }

  /** The room's last message may be gone. */
  forgetLastEvent(roomId: RoomId): void {
    this.#lastEvents.forget(roomId)
  }

  /** A member moved; undefined: any of them may have. */
  forgetMember(roomId: RoomId, userId: UserId | undefined): void {
    this.#candidates.forget(roomId, userId)
  }

  async readShared(room: Room): Promise<SharedParts> {
    const lastEvent = await this.#lastEvents.read(room)
    const sender = lastEvent && (await this.#needs.rooms.readMember(room, lastEvent.pdu.sender))
    const facts = factsOf(room, await this.#candidates.read(room))
    return { room, facts, lastEvent, senderName: displayNameIn(sender) }
  }

  /**
   * @param shared undefined for a room this server is not in
   * @returns undefined where the user has no line of the room
   */
  async read(
    userId: UserId,
    roomId: RoomId,
    shared: SharedParts | undefined,
    at: { position: number; asOf: number },
  ): Promise<SummaryRow | undefined> {
    const { rooms, userFacts, countUnread } = this.#needs
    const own = (await rooms.membershipsOf(userId)).get(roomId)
    if (!own || own.forgotten) return undefined
    const isJoined = own.membership === 'join'
    const summary: SummaryParts = {
      ...{ userId, roomId, own, ...at, user: await userFacts.read(userId) },
      unread: isJoined ? await countUnread(userId, roomId) : { notification_count: 0, highlight_count: 0 },
      readSeq: isJoined ? await this.#readSeq(userId, roomId) : 0,
    }
    const isOutside = own.membership === 'leave' || own.membership === 'ban'
    if (isOutside) {
      const then = shared && (await this.#whenLeft(userId, shared))
      return then ? summaryRow(summary, then.parts, then.own) : strippedSummaryRow(summary)
    }
    if (!shared || (own.stripped !== undefined && !isJoined)) return strippedSummaryRow(summary)
    const lastEvent = await this.#visible(own, userId, shared)
    return summaryRow(summary, { ...shared, lastEvent }, await this.#ownParts(userId, own, shared, lastEvent))
  }

  async #ownParts(
    userId: UserId,
    { membership, sender }: RoomMembership,
    { room }: SharedParts,
    lastEvent: RoomParts['lastEvent'],
  ): Promise<OwnParts> {
    const { rooms } = this.#needs
    const isInvite = membership === 'invite'
    const memberEvent = isInvite || !lastEvent ? await rooms.readMember(room, userId) : undefined
    return { memberEvent, inviterName: isInvite ? displayNameIn(await rooms.readMember(room, sender)) : undefined }
  }

  /** The room as it was when the user left: what it is called now is no business of theirs. */
  async #whenLeft(userId: UserId, shared: SharedParts): Promise<{ parts: RoomParts; own: OwnParts } | undefined> {
    const { rooms, readBounds } = this.#needs
    const { room } = shared
    const { shared_to: left } = await readBounds(room.roomId, userId)
    const [leaving] = left === noBounds.shared_to ? [] : await rooms.readTimeline(room.roomId, left, left)
    if (!leaving) return undefined
    const ids = await rooms.readStateNode(room.roomId, leaving.node)
    const isMember = (key: string) => key.startsWith('m.room.member\u0000')
    const withMembers = [...ids.keys()].filter(isMember).length <= maxMembersThen
    const wanted = [...ids].flatMap(([key, eventId]) => (withMembers || !isMember(key) ? [eventId] : []))
    const state = new Map<string, PduEvent>()
    for (const event of await rooms.readEvents(wanted))
      state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
    const members = [...state.values()].filter(({ pdu }) => pdu.type === 'm.room.member')
    const count = (membership: string) => members.filter(({ pdu }) => pdu.content.membership === membership).length
    const source = withMembers
      ? { state, joinedCount: count('join'), invitedCount: count('invite') }
      : { state, joinedCount: room.joinedCount, invitedCount: room.invitedCount }
    const levels = state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content
    const memberOf = (who: UserId) => state.get(stateKeyOf('m.room.member', who))
    const lastEvent = await this.#visibleBefore(userId, shared, leaving.seq)
    return {
      parts: {
        facts: factsOf(source, withMembers ? candidatesOf(members) : nobody),
        lastEvent,
        senderName: lastEvent && displayNameIn(memberOf(lastEvent.pdu.sender)),
        room: {
          ...{
            version: room.version,
            minSeq: room.minSeq,
            historyComplete: room.historyComplete,
            segments: room.segments,
          },
          ...{ maxSeq: leaving.seq, powerLevels: readPowerLevels(levels, room.createEvent, room.rules) },
        },
      },
      own: { memberEvent: memberOf(userId), inviterName: undefined },
    }
  }

  async #visibleBefore(userId: UserId, shared: SharedParts, seq: number): Promise<RoomParts['lastEvent']> {
    const { lastEvent, room } = shared
    if (!lastEvent || lastEvent.seq > seq) return undefined
    return this.#inSight(userId, room, lastEvent)
  }

  async #visible(
    own: RoomMembership,
    userId: UserId,
    { room, lastEvent }: SharedParts,
  ): Promise<RoomParts['lastEvent']> {
    if (!lastEvent) return undefined
    // Joined when it was sent: no need to ask the history.
    if (own.membership === 'join' && own.seq !== undefined && own.seq <= lastEvent.seq) return lastEvent
    return this.#inSight(userId, room, lastEvent)
  }

  async #inSight(userId: UserId, room: Room, lastEvent: NonNullable<RoomParts['lastEvent']>) {
    const bounds = await this.#needs.readBounds(room.roomId, userId)
    if (bounds.joined_from <= lastEvent.seq && lastEvent.seq <= bounds.joined_to) return lastEvent
    const visibility = await this.#needs.readVisibility(room, { ...lastEvent, status: 'accepted' })
    return isInSight(bounds, visibility, lastEvent.seq) ? lastEvent : undefined
  }

  /** Seq of the furthest event that the user has read in the room itself, 0 for none. */
  async #readSeq(userId: UserId, roomId: RoomId): Promise<number> {
    let furthest = 0
    for (const { seq, thread_id } of await this.#needs.readOwnReceipts(userId, roomId))
      if (seq !== undefined && (thread_id === undefined || thread_id === 'main')) furthest = Math.max(furthest, seq)
    return furthest
  }
}
