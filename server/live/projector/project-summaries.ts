/**
 * `room_summaries`: one line per room and local user, rung like a doorbell whenever something happened.
 *
 * Nothing is computed per event. Rooms and lines are marked, and a coalesced flush reads what is now the case and
 * writes the lines that changed; a busy room costs at most ten writes a second and user. The mark of how
 * far summaries have come trails, so that a restart does the rest.
 */
import { LRUCache } from 'lru-cache'
import { type PduEvent, stateKeyOf } from '../../events/pdu.js'
import { readPowerLevels } from '../../events/power-levels.js'
import type { Clock } from '../../kernel/clock.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Room, RoomMembership, Rooms } from '../../rooms/room.js'
import type { LiveTables } from '../../store/live.js'
import { setProjection } from '../../store/projection-store.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import { deleteRow, upsertRow, type Write } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import { type Coalesced, coalesce } from './coalesce.js'
import { makeReadLastEvent, type ReadLastEvent } from './last-event.js'
import type { MemberProjection } from './project-members.js'
import { makeReadFacts } from './room-facts.js'
import { type RoomParts, type SummaryParts, type SummaryRow, strippedSummaryRow, summaryRow } from './summary-row.js'
import type { UserFactsReader } from './user-facts.js'
import { isInSight, noBounds, type ReadVisibility } from './visibility.js'

export type SummaryNeeds = {
  live: Pick<LiveTables, 'writeLive'>
  /** Who watches the lines: for nobody they are written once a second. */
  registry: Pick<LiveRegistry, 'countOn'>
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readTimeline' | 'readEvent' | 'readEvents' | 'readStateNode'>
  members: MemberProjection
  userFacts: UserFactsReader
  readVisibility: ReadVisibility
  countUnread(userId: UserId, roomId: RoomId): Promise<{ notification_count: number; highlight_count: number }>
  /** A user's own receipts in a room, of all types and threads. */
  readOwnReceipts(userId: UserId, roomId: RoomId): Promise<readonly ReceiptRow[]>
  isLocal(userId: UserId): boolean
  clock: Clock
  logger: Logger
  version: number
}

type Dirty = { position: number; everybody: boolean; users: Set<UserId> }

/** At most ten writes of a line a second, one where nobody looks. */
const watchedPauseMs = 100
const unwatchedPauseMs = 1_000

/** Lines written in one transaction; the rest follow in the next. */
const linesPerWrite = 200

export class SummaryProjection {
  readonly #needs: SummaryNeeds
  readonly #flush: Coalesced
  readonly #readFacts = makeReadFacts()
  readonly #lastEvents: ReadLastEvent
  #dirty = new Map<RoomId, Dirty>()
  #dirtyUsers = new Map<UserId, number>()
  /** Position up to which everything is marked. */
  #marked = 0
  #flushed = 0
  #isClosing = false
  /** What was written last, to leave out lines that would say the same. */
  readonly #written = new LRUCache<string, string>({ max: 10_000 })

  constructor(needs: SummaryNeeds) {
    this.#needs = needs
    this.#lastEvents = makeReadLastEvent(needs.rooms)
    const pauseMs = () => (needs.registry.countOn('room_summaries') > 0 ? watchedPauseMs : unwatchedPauseMs)
    this.#flush = coalesce(needs.clock, pauseMs, () =>
      this.#run().catch((error: unknown) => needs.logger.error({ err: error }, 'a flush of room summaries failed')),
    )
  }

  /** Something happened in the room that every joined user's line may show. */
  markRoom(roomId: RoomId, position: number): void {
    this.#mark(roomId, position).everybody = true
  }

  /** Something that only this user's line shows; also lines of those who are not joined. */
  markLine(userId: UserId, roomId: RoomId, position: number): void {
    this.#mark(roomId, position).users.add(userId)
  }

  /** Something that all lines of a user may show: which rooms are direct chats. */
  markUser(userId: UserId, position: number): void {
    this.#dirtyUsers.set(userId, position)
  }

  /** The room's last message may be gone. */
  forgetLastEvent(roomId: RoomId): void {
    this.#lastEvents.forget(roomId)
  }

  /** Everything up to `position` is marked: now it may be written. */
  ring(position: number): void {
    this.#marked = position
    if (this.#dirty.size > 0 || this.#dirtyUsers.size > 0) this.#flush.ask()
  }

  /** Position up to which lines are known to be written: a restart goes on from there. */
  get flushed(): number {
    return this.#flushed
  }

  settle(): Promise<void> {
    return this.#flush.settle()
  }

  close(): Promise<void> {
    this.#isClosing = true
    return this.#flush.close()
  }

  #mark(roomId: RoomId, position: number): Dirty {
    const dirty = this.#dirty.get(roomId) ?? { position, everybody: false, users: new Set() }
    this.#dirty.set(roomId, dirty)
    return dirty
  }

  /** A room whose line cannot be made is logged and left until something happens there again. */
  async #run(): Promise<void> {
    const { logger, live, version } = this.#needs
    await this.#spreadUsers()
    const rooms = this.#dirty
    const upTo = this.#marked
    this.#dirty = new Map()
    let writes: Write[] = []
    let isWhole = true
    const write = async () => {
      const batch = writes
      writes = []
      await live.writeLive(batch).catch((error: unknown) => {
        logger.error({ err: error }, 'lines of the room list were not written')
        isWhole = false
        this.#written.clear()
      })
    }
    for (const [roomId, dirty] of rooms) {
      if (this.#isClosing) {
        isWhole = false // the next start does the rest
        break
      }
      try {
        for (const line of await this.#lines(roomId, dirty, upTo)) writes.push(line)
      } catch (error) {
        logger.error({ err: error, room_id: roomId }, 'the lines of a room could not be made')
      }
      if (writes.length >= linesPerWrite) await write()
    }
    if (writes.length > 0 && isWhole) writes.push(setProjection('summaries', upTo, version))
    const isMarked = writes.length > 0
    await write()
    if (isMarked && isWhole) this.#flushed = upTo
  }

  async #spreadUsers(): Promise<void> {
    for (const [userId, position] of this.#dirtyUsers) {
      this.#dirtyUsers.delete(userId)
      for (const roomId of (await this.#needs.rooms.membershipsOf(userId)).keys())
        this.markLine(userId, roomId, position)
    }
  }

  async #lines(roomId: RoomId, dirty: Dirty, position: number): Promise<Write[]> {
    const { rooms, members, isLocal } = this.#needs
    const room = await rooms.get(roomId)
    const users = new Set(dirty.users)
    if (dirty.everybody)
      for (const [userId, { membership }] of await members.membersOf(roomId))
        if (membership === 'join' && isLocal(userId)) users.add(userId)
    const lines: Write[] = []
    const parts = room && { room, facts: this.#readFacts(room), lastEvent: await this.#lastEvents.read(room) }
    for (const userId of users) {
      const line = await this.#line(userId, roomId, parts, position)
      if (line) lines.push(line)
    }
    return lines
  }

  async #line(
    userId: UserId,
    roomId: RoomId,
    parts: RoomParts | undefined,
    position: number,
  ): Promise<Write | undefined> {
    const { rooms, userFacts } = this.#needs
    const own = (await rooms.membershipsOf(userId)).get(roomId)
    const key = `${userId} ${roomId}`
    if (!own || own.forgotten) {
      this.#written.delete(key)
      return deleteRow('room_summaries', [userId, roomId])
    }
    const isJoined = own.membership === 'join'
    const summary: SummaryParts = {
      ...{ userId, roomId, own, position, user: await userFacts.read(userId) },
      unread: isJoined ? await this.#needs.countUnread(userId, roomId) : { notification_count: 0, highlight_count: 0 },
      readSeq: isJoined ? await this.#readSeq(userId, roomId) : 0,
    }
    const isOutside = own.membership === 'leave' || own.membership === 'ban'
    const known = isOutside
      ? await this.#whenLeft(userId, parts)
      : own.stripped === undefined || isJoined
        ? parts
        : undefined
    const row = known
      ? summaryRow(summary, { ...known, lastEvent: await this.#visible(own, userId, known) })
      : strippedSummaryRow(summary)
    return this.#isNews(key, row) ? upsertRow('room_summaries', { id: [userId, roomId], ...row }) : undefined
  }

  /** The room as it was when the user left: what it is called now is no business of theirs. */
  async #whenLeft(userId: UserId, parts: RoomParts | undefined): Promise<RoomParts | undefined> {
    if (!parts) return undefined
    const { rooms, members } = this.#needs
    const { roomId } = parts.room
    const { shared_to: left } = await members.readBounds(roomId, userId)
    const [leaving] = left === noBounds.shared_to ? [] : await rooms.readTimeline(roomId, left, left)
    if (!leaving) return undefined
    const ids = await rooms.readStateNode(roomId, leaving.node)
    const state = new Map<string, PduEvent>()
    for (const event of await rooms.readEvents([...ids.values()]))
      state.set(stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event)
    const levels = state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content
    const room: Room = {
      ...parts.room,
      ...{ state, node: leaving.node, maxSeq: leaving.seq },
      powerLevels: readPowerLevels(levels, parts.room.createEvent, parts.room.rules),
    }
    return { room, facts: this.#readFacts(room), lastEvent: parts.lastEvent }
  }

  /** The position moves with every flush and says nothing by itself. */
  #isNews(key: string, row: SummaryRow): boolean {
    const text = JSON.stringify({ ...row, position: undefined })
    if (this.#written.get(key) === text) return false
    this.#written.set(key, text)
    return true
  }

  async #visible(own: RoomMembership, userId: UserId, parts: RoomParts): Promise<RoomParts['lastEvent']> {
    const { room, lastEvent } = parts
    if (!lastEvent) return undefined
    // Joined when it was sent: no need to ask the history.
    if (own.membership === 'join' && own.seq !== undefined && own.seq <= lastEvent.seq) return lastEvent
    const bounds = await this.#needs.members.readBounds(room.roomId, userId)
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
