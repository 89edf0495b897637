/**
 * `room_summaries`: the room list of each user who looks, rung like a doorbell whenever something happened.
 *
 * Lines are made for users who have a channel, and for nobody else. Who comes finds the lines of last time, and those
 * that are old are made anew at once, the newest rooms first: a line is old where its room has moved past the line's
 * position, and all are checked where the user did something while away (`list_viewer` remembers that across a restart).
 * While a user is there, nothing is computed per event: rooms and lines are marked, and a coalesced flush reads what is
 * the case and writes the lines that changed. A line never says more than the rows of the room do. Lines of users who
 * have been away for a day are dropped.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { isJsonObject } from '../../events/pdu.js'
import type { Clock } from '../../kernel/clock.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Room, Rooms } from '../../rooms/room.js'
import { deleteLines, type ListViewerRow, readLines, readListViewers, setListViewer } from '../../store/list-store.js'
import type { LiveTables } from '../../store/live.js'
import type { Database } from '../../store/reader.js'
import { deleteRow, upsertRow, type Write } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import { coalesce } from './coalesce.js'
import { type LinesNeeds, ListLines, type SharedParts } from './list-lines.js'
import type { SummaryRow } from './summary-row.js'
import { summaryAccountData } from './user-facts.js'
import { type Work, whoMoved } from './work.js'

export type ListsNeeds = LinesNeeds & {
  db: Database
  live: Pick<LiveTables, 'writeLive'>
  rooms: LinesNeeds['rooms'] & Pick<Rooms, 'get' | 'lastPosition'>
  /** Who watches the lines: for nobody they are written once a second. */
  registry: Pick<LiveRegistry, 'countOn'>
  /** Resolves when the rows of events are there up to a position. */
  eventsReached(position: number): Promise<void>
  isLocal(userId: UserId): boolean
  clock: Clock
  logger: Logger
}

/** At most ten writes of a line a second, one where nobody looks. */
const watchedPauseMs = 100
const unwatchedPauseMs = 1_000
/** Lines written in one transaction; the rest follow in the next. */
const linesPerWrite = 100
/** Lines of a user who comes, made without a break for the others. */
const linesPerTurn = 25
/** A line waits so long for the rows of its room. */
const rowsPatienceMs = 1_000
/** A query waits so long for the list of its user, where there was none, and where there was one of last time. */
const readyMs = 1_000
const keptMs = 24 * 3_600_000
/** Where nothing was said for so long, a crash may have lost how long ago a user was here. */
const seenAgainMs = 3_600_000

type Marks = { everybody: boolean; users: Set<UserId> }
type Viewer = { ready: Promise<void>; isBuilt: boolean }

export class Lists {
  readonly #needs: ListsNeeds
  readonly #lines: ListLines
  readonly #flush: ReturnType<typeof coalesce>
  readonly #viewers = new Map<UserId, Viewer>()
  /** Users who have lines, whether they are here or not. */
  readonly #states = new Map<UserId, ListViewerRow>()
  #dirty = new Map<RoomId, Marks>()
  /** What was written last, to leave out lines that would say the same. */
  readonly #written = new LRUCache<string, string>({ max: 20_000 })
  #turn: Promise<void> = Promise.resolve()
  #isClosing = false

  constructor(needs: ListsNeeds) {
    this.#needs = needs
    this.#lines = new ListLines(needs)
    const pauseMs = () => (needs.registry.countOn('room_summaries') > 0 ? watchedPauseMs : unwatchedPauseMs)
    this.#flush = coalesce(needs.clock, pauseMs, () =>
      this.#inTurn(() => this.#writeDirty()).catch((error: unknown) =>
        needs.logger.error({ err: error }, 'a flush of room lists failed'),
      ),
    )
  }

  async start(): Promise<void> {
    for (const row of await readListViewers(this.#needs.db)) this.#states.set(row.user_id, row)
  }

  settle(): Promise<void> {
    return Promise.all([...this.#viewers.values()].map(({ ready }) => ready)).then(() => this.#flush.settle())
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#flush.close()
    await this.#inTurn(() =>
      this.#needs.live.writeLive([...this.#viewers.keys()].map((userId) => this.#leaving(userId))),
    )
  }

  // ── who looks ────────────────────────────────────────────────────────────────────────────────

  /** The user has a channel now. */
  come(userId: UserId): void {
    if (this.#viewers.has(userId) || this.#isClosing) return
    const viewer: Viewer = { ready: Promise.resolve(), isBuilt: false }
    this.#viewers.set(userId, viewer)
    viewer.ready = this.#build(userId, viewer).catch((error: unknown) =>
      this.#needs.logger.error({ err: error, user_id: userId }, 'a room list was not made'),
    )
  }

  /** The user's last channel is closed. */
  go(userId: UserId): void {
    if (!this.#viewers.has(userId)) return
    const write = this.#leaving(userId)
    this.#viewers.delete(userId)
    this.#writeLater(write)
  }

  /** Resolves when the user's list is as it should be, or after a second. */
  async ready(userId: UserId): Promise<void> {
    const viewer = this.#viewers.get(userId)
    if (!viewer || viewer.isBuilt) return
    await this.#within(readyMs, viewer.ready)
  }

  /** Drops the lines of one user who has been away for long. @returns false where there is none */
  async tidy(): Promise<boolean> {
    const oldest = this.#needs.clock.now() - keptMs
    for (const [userId, { seen_at }] of this.#states) {
      if (seen_at > oldest || this.#viewers.has(userId)) continue
      this.#states.delete(userId)
      await this.#inTurn(async () => {
        if (!this.#viewers.has(userId)) await this.#needs.live.writeLive(deleteLines(userId), { silent: true })
      })
      return true
    }
    // Whoever is here for days is written down as here now and then.
    for (const userId of this.#viewers.keys()) {
      const state = this.#states.get(userId)
      if (state && state.seen_at < this.#needs.clock.now() - seenAgainMs) this.#writeLater(this.#state(userId, true))
    }
    return false
  }

  #leaving(userId: UserId): Write {
    const hasMarks = [...this.#dirty.values()].some(({ users }) => users.has(userId))
    return this.#state(userId, hasMarks || !this.#viewers.get(userId)?.isBuilt)
  }

  #state(userId: UserId, is_dirty: boolean): Write {
    const row = { user_id: userId, seen_at: this.#needs.clock.now(), is_dirty }
    this.#states.set(userId, row)
    return setListViewer(row)
  }

  /** A user who is away did something that their lines show. */
  #touch(userId: UserId): void {
    const state = this.#states.get(userId)
    if (!state || state.is_dirty) return
    state.is_dirty = true
    this.#writeLater(setListViewer(state))
  }

  // ── what happened ────────────────────────────────────────────────────────────────────────────

  /** To be given every change in stream order; those of a room's events come again by `rowsWritten`. */
  hear(works: readonly Work[]): void {
    for (const work of works) {
      if (work.kind === 'redaction') this.#lines.forgetLastEvent(work.roomId)
      if (work.kind === 'account_data') this.#hearAccountData(work)
      else if (work.kind === 'receipt') this.#markLine(work.userId, work.roomId)
      else this.#hearMembers(work)
    }
  }

  /** Rows of these rooms are there: their bell may be rung. */
  rowsWritten(roomIds: Iterable<RoomId>): void {
    for (const roomId of roomIds) this.#markRoom(roomId)
  }

  #hearMembers(work: Work): void {
    const moved = whoMoved(work, () => true)
    if (!work.roomId) return
    if (work.kind === 'state') this.#markRoom(work.roomId)
    if (!moved) return
    if (moved.everybody) this.#lines.forgetMember(work.roomId, undefined)
    for (const userId of moved.users) {
      this.#lines.forgetMember(work.roomId, userId)
      if (this.#needs.isLocal(userId)) this.#markLine(userId, work.roomId)
    }
  }

  #hearAccountData({ userId, roomId, type }: Extract<Work, { kind: 'account_data' }>): void {
    if (!summaryAccountData.has(type)) return
    this.#needs.userFacts.forget(userId)
    if (roomId) this.#markLine(userId, roomId)
    else if (this.#viewers.has(userId)) void this.#markUser(userId)
    else this.#touch(userId)
  }

  /** All lines of a user may show it: which rooms are direct chats. */
  async #markUser(userId: UserId): Promise<void> {
    for (const roomId of (await this.#needs.rooms.membershipsOf(userId)).keys()) this.#markLine(userId, roomId)
  }

  #markRoom(roomId: RoomId): void {
    if (this.#viewers.size === 0) return
    this.#marksOf(roomId).everybody = true
    this.#flush.ask()
  }

  #markLine(userId: UserId, roomId: RoomId): void {
    if (!this.#viewers.has(userId)) this.#touch(userId)
    else {
      this.#marksOf(roomId).users.add(userId)
      this.#flush.ask()
    }
  }

  #marksOf(roomId: RoomId): Marks {
    const marks = this.#dirty.get(roomId) ?? { everybody: false, users: new Set() }
    this.#dirty.set(roomId, marks)
    return marks
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────

  async #writeDirty(): Promise<void> {
    const dirty = this.#dirty
    this.#dirty = new Map()
    const { rooms, logger } = this.#needs
    const at = this.#now()
    const snapshots = new Map<RoomId, Room | undefined>()
    for (const roomId of dirty.keys()) snapshots.set(roomId, await rooms.get(roomId))
    await this.#rowsOf(snapshots.values())
    let writes: Write[] = []
    for (const [roomId, marks] of dirty) {
      if (this.#isClosing) return
      await nextTurn()
      const room = snapshots.get(roomId)
      try {
        const shared = room && (await this.#lines.readShared(room))
        for (const userId of this.#usersOf(room, marks)) {
          const write = await this.#line(userId, roomId, shared, at)
          if (write) writes.push(write)
        }
      } catch (error) {
        logger.error({ err: error, room_id: roomId }, 'the lines of a room could not be made')
      }
      if (writes.length >= linesPerWrite) {
        await this.#write(writes)
        writes = []
      }
    }
    await this.#write(writes)
  }

  /** Of the users who look: those of this line, and those who have joined where it is everybody's. */
  *#usersOf(room: Room | undefined, { everybody, users }: Marks): Iterable<UserId> {
    for (const userId of users) if (this.#viewers.has(userId)) yield userId
    if (!everybody || !room) return
    const { localMembers } = room
    const [fewer, isOther] =
      localMembers.size < this.#viewers.size
        ? [localMembers.keys(), (userId: UserId) => this.#viewers.has(userId)]
        : [this.#viewers.keys(), (_: UserId) => true]
    for (const userId of fewer)
      if (isOther(userId) && localMembers.get(userId) === 'join' && !users.has(userId)) yield userId
  }

  /** The rows of the rooms' events come first: who is told of a seq looks for it, and does not look again. */
  async #rowsOf(rooms: Iterable<Room | undefined>): Promise<void> {
    let position = 0
    for (const room of rooms) position = Math.max(position, room?.lastPosition ?? 0)
    await this.#within(rowsPatienceMs, this.#needs.eventsReached(position))
  }

  async #line(
    userId: UserId,
    roomId: RoomId,
    shared: SharedParts | undefined,
    at: { position: number; asOf: number },
  ): Promise<Write | undefined> {
    const row = await this.#lines.read(userId, roomId, shared, at)
    const key = `${userId} ${roomId}`
    if (!row) {
      this.#written.delete(key)
      return deleteRow('room_summaries', [userId, roomId])
    }
    const text = textOf(row)
    if (this.#written.get(key) === text) return undefined
    this.#written.set(key, text)
    return upsertRow('room_summaries', { id: [userId, roomId], ...row })
  }

  async #write(writes: readonly Write[]): Promise<void> {
    if (writes.length === 0) return
    await this.#needs.live.writeLive(writes).catch((error: unknown) => {
      this.#written.clear()
      for (const userId of this.#viewers.keys()) void this.#markUser(userId)
      throw error
    })
  }

  // ── a user who comes ─────────────────────────────────────────────────────────────────────────

  async #build(userId: UserId, viewer: Viewer): Promise<void> {
    const { db, rooms, live } = this.#needs
    const isTrusted = this.#states.get(userId)?.is_dirty === false
    await live.writeLive([this.#state(userId, true)])
    const memberships = await rooms.membershipsOf(userId)
    const stored = new Map((await readLines(db, userId)).map((row) => [row.room_id as RoomId, row]))
    const isCurrent = (roomId: RoomId) => {
      const row = stored.get(roomId)
      const moved = rooms.lastPosition(roomId)
      return isTrusted && row !== undefined && moved !== undefined && moved <= row.position
    }
    for (const [roomId, row] of stored) this.#written.set(`${userId} ${roomId}`, textOf(row as SummaryRow))
    const old = new Set([...memberships.keys(), ...stored.keys()].filter((roomId) => !isCurrent(roomId)))
    const newest = (roomId: RoomId) => rooms.lastPosition(roomId) ?? Number.MAX_SAFE_INTEGER
    const order = [...old].sort((a, b) => newest(b) - newest(a))
    for (let start = 0; start < order.length; start += linesPerTurn) {
      if (this.#viewers.get(userId) !== viewer || this.#isClosing) return
      await this.#inTurn(() => this.#buildSome(userId, order.slice(start, start + linesPerTurn)))
    }
    viewer.isBuilt = true
  }

  async #buildSome(userId: UserId, roomIds: readonly RoomId[]): Promise<void> {
    const { rooms, logger } = this.#needs
    const at = this.#now()
    const found = await Promise.all(roomIds.map(async (roomId) => [roomId, await rooms.get(roomId)] as const))
    await this.#rowsOf(found.map(([, room]) => room))
    const writes: Write[] = []
    for (const [roomId, room] of found) {
      try {
        const write = await this.#line(userId, roomId, room && (await this.#lines.readShared(room)), at)
        if (write) writes.push(write)
      } catch (error) {
        logger.error({ err: error, room_id: roomId }, 'a line of a room list could not be made')
      }
    }
    await this.#write(writes)
  }

  // ── turns ────────────────────────────────────────────────────────────────────────────────────

  #now(): { position: number; asOf: number } {
    return { position: this.#needs.db.position, asOf: this.#needs.clock.now() }
  }

  /** One writer at a time, so that an older line cannot come after a newer one. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #writeLater(write: Write): void {
    void this.#inTurn(() => this.#needs.live.writeLive([write])).catch((error: unknown) =>
      this.#needs.logger.error({ err: error }, 'who looks at their room list was not written'),
    )
  }

  #within(ms: number, wanted: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#needs.clock.after(ms, resolve)
      void wanted.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** The position and the time move with every flush and say nothing by themselves; the engine sorts keys. */
function textOf(row: SummaryRow): string {
  return JSON.stringify({ ...row, position: undefined, as_of: undefined }, (_key, value: unknown) =>
    isJsonObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  )
}
