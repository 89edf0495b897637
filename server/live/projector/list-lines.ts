/** Makes the line of a room in a user's list from what is the case now. */
import { isIgnored } from '../../events/ignored-users.js'
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import { readPowerLevels } from '../../events/power-levels.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Room, RoomMembership, Rooms } from '../../rooms/room.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import { type LastEvent, makeReadLastEvents, type ReadLastEvents } from './last-event.js'
import { candidatesOf, factKeys, factsOf, makeReadCandidates, nobody, type RoomFacts } from './room-facts.js'
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
  rooms: Pick<
    Rooms,
    | 'membershipsOf'
    | 'readTimeline'
    | 'readEvents'
    | 'readStateNode'
    | 'readStateEntriesAt'
    | 'readMember'
    | 'readMembers'
  >
  userFacts: UserFactsReader
  readBounds: ReadBounds
  readVisibility: ReadVisibility
  countUnread(userId: UserId, roomId: RoomId): Promise<{ notification_count: number; highlight_count: number }>
  /** A user's own receipts in a room, of all types and threads. */
  readOwnReceipts(userId: UserId, roomId: RoomId): Promise<readonly ReceiptRow[]>
}

/** A room and what all lines of it share. */
export type SharedParts = { room: Room; facts: RoomFacts; lastEvents: readonly LastEvent[] }

/** Entries of a room that was left, read to say how it was; of a larger one only what a line says. */
const maxStateThen = 700

const levelsKey = stateKeyOf('m.room.power_levels', '')
const memberKey = (userId: UserId) => stateKeyOf('m.room.member', userId)

export class ListLines {
  readonly #needs: LinesNeeds
  readonly #candidates: ReturnType<typeof makeReadCandidates>
  readonly #lastEvents: ReadLastEvents

  constructor(needs: LinesNeeds) {
    this.#needs = needs
    this.#candidates = makeReadCandidates(needs.rooms)
    this.#lastEvents = makeReadLastEvents(needs.rooms)
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
    const lastEvents = await this.#lastEvents.read(room)
    const facts = factsOf(room, await this.#candidates.read(room))
    return { room, facts, lastEvents }
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
    const user = await userFacts.read(userId)
    if (own.membership === 'invite' && user.ignored.has(own.sender)) return undefined
    const isJoined = own.membership === 'join'
    const summary: SummaryParts = {
      ...{ userId, roomId, own, ...at, user },
      unread: isJoined ? await countUnread(userId, roomId) : { notification_count: 0, highlight_count: 0 },
      readSeq: isJoined ? await this.#readSeq(userId, roomId) : 0,
    }
    const isOutside = own.membership === 'leave' || own.membership === 'ban'
    if (isOutside) {
      const then = shared && (await this.#whenLeft(userId, user.ignored, shared))
      return then ? summaryRow(summary, then.parts, then.own) : strippedSummaryRow(summary)
    }
    if (!shared || (own.stripped !== undefined && !isJoined)) return strippedSummaryRow(summary)
    const lastEvent = await this.#visible(own, userId, user.ignored, shared)
    const { room, facts } = shared
    const sender = lastEvent && (await rooms.readMember(room, lastEvent.event.pdu.sender))
    const parts = { room, facts, lastEvent, senderName: displayNameIn(sender) }
    return summaryRow(summary, parts, await this.#ownParts(userId, own, shared, lastEvent))
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
  async #whenLeft(
    userId: UserId,
    ignored: ReadonlySet<string>,
    shared: SharedParts,
  ): Promise<{ parts: RoomParts; own: OwnParts } | undefined> {
    const { rooms, readBounds } = this.#needs
    const { room } = shared
    const { shared_to: left } = await readBounds(room.roomId, userId)
    const [leaving] = left === noBounds.shared_to ? [] : await rooms.readTimeline(room.roomId, left, left)
    if (!leaving) return undefined
    const withMembers = room.stateSize <= maxStateThen
    const lastEvent = await this.#visibleBefore(userId, ignored, shared, leaving.seq)
    const memberKeys = [userId, ...(lastEvent ? [lastEvent.event.pdu.sender] : [])].map(memberKey)
    const state = withMembers
      ? await this.#wholeState(room, leaving.node)
      : await rooms.readStateEntriesAt(room.roomId, leaving.node, [...factKeys, levelsKey, ...memberKeys])
    const members = [...state.values()].filter(({ pdu }) => pdu.type === 'm.room.member')
    const count = (membership: string) => members.filter(({ pdu }) => pdu.content.membership === membership).length
    const source = withMembers
      ? { state, joinedCount: count('join'), invitedCount: count('invite') }
      : { state, joinedCount: room.joinedCount, invitedCount: room.invitedCount }
    const levels = state.get(levelsKey)?.pdu.content
    const memberOf = (who: UserId) => state.get(memberKey(who))
    return {
      parts: {
        facts: factsOf(source, withMembers ? candidatesOf(members) : nobody),
        lastEvent,
        senderName: lastEvent && displayNameIn(memberOf(lastEvent.event.pdu.sender)),
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

  async #wholeState(room: Room, node: number): Promise<ReadonlyMap<string, PduEvent>> {
    const { rooms } = this.#needs
    const ids = await rooms.readStateNode(room.roomId, node)
    const events = await rooms.readEvents([...ids.values()])
    return new Map(events.map((event) => [stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event]))
  }

  async #visibleBefore(
    userId: UserId,
    ignored: ReadonlySet<string>,
    { lastEvents, room }: SharedParts,
    seq: number,
  ): Promise<RoomParts['lastEvent']> {
    const last = lastEvents.find(({ event }) => event.seq <= seq && !isIgnored(ignored, event.pdu))
    const edits = last?.edits.filter((edit) => edit.seq <= seq) ?? []
    return last && this.#inSight(userId, room, { ...last, edits })
  }

  async #visible(
    own: RoomMembership,
    userId: UserId,
    ignored: ReadonlySet<string>,
    { room, lastEvents }: SharedParts,
  ): Promise<RoomParts['lastEvent']> {
    const last = lastEvents.find(({ event }) => !isIgnored(ignored, event.pdu))
    if (!last) return undefined
    // Joined when it was sent: no need to ask the history.
    if (own.membership === 'join' && own.seq !== undefined && own.seq <= last.event.seq) return last
    return this.#inSight(userId, room, last)
  }

  async #inSight(userId: UserId, room: Room, last: LastEvent) {
    const { event } = last
    const bounds = await this.#needs.readBounds(room.roomId, userId)
    if (bounds.joined_from <= event.seq && event.seq <= bounds.joined_to) return last
    const visibility = await this.#needs.readVisibility(room, { ...event, status: 'accepted' })
    return isInSight(bounds, visibility, event.seq) ? last : undefined
  }

  /** Seq of the furthest event that the user has read in the room itself, 0 for none. */
  async #readSeq(userId: UserId, roomId: RoomId): Promise<number> {
    let furthest = 0
    for (const { seq, thread_id } of await this.#needs.readOwnReceipts(userId, roomId))
      if (seq !== undefined && (thread_id === undefined || thread_id === 'main')) furthest = Math.max(furthest, seq)
    return furthest
  }
}
