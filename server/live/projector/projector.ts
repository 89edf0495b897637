/**
 * The projector: follows the stream of durable changes and writes the live tables from it, in lanes.
 *
 * It runs behind the commit and never slows it. What it has to do for a change depends on who looks, not on how many there
 * are in a room or on the server. Each lane has a mark, a form and a lag of its own, and none waits for another but
 * `events` for `access`: a row must not be told to somebody who may no longer see it. Room lists and the sight of presence
 * are kept for those who look now; they have no mark, as they are worked out from what is the case.
 *
 * | lane | writes | for |
 * |---|---|---|
 * | access | `room_access` | every membership of a local user |
 * | events | `room_events` | the newest thousand of each room, and what is read |
 * | members | `room_members` | small rooms, and those that are looked at |
 * | receipts, account_data | their tables | all |
 * | pushes (`server/push`) | `push_queue` | users with pushers |
 * | search (`server/search`) | `search_document`, `search_token` | all, when there is time |
 * | (lists) | `room_summaries` | users with a channel |
 * | (presence) | `presence_access` | users with a channel |
 * | (devices) | `to_device`, `device_key_counts` | devices that look |
 * | (journal) | `device_list_changes` | users that look |
 */
import type { Clock, Timer } from '../../kernel/clock.js'
import type { RoomId, ServerName, UserId } from '../../kernel/identifiers.js'
import { serverNameIn } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Rooms } from '../../rooms/room.js'
import { deleteFeedBefore, readFeedStart } from '../../store/feed-store.js'
import type { LiveTables } from '../../store/live.js'
import type { Database } from '../../store/reader.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import type { Change, StreamPosition } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import type { Charge, LiveViewers, Question } from '../viewers.js'
import { DeviceListJournal, type DeviceListJournalNeeds } from './device-list-journal.js'
import { DeviceRows, type DeviceRowsNeeds } from './device-rows.js'
import { blockRows, EventWindow, windowLow, windowRows } from './event-window.js'
import { eventsLane, writeEventRange } from './events-lane.js'
import { Lane, LaneClosedError, type LaneParts } from './lane.js'
import { Lists } from './lists.js'
import { MembersLane } from './members-lane.js'
import { PresenceAccess } from './presence-access.js'
import { accessLane } from './project-access.js'
import { accountDataLane, receiptsLane } from './project-receipts.js'
import { UserFactsReader } from './user-facts.js'
import { makeReadBounds, makeReadVisibility } from './visibility.js'
import { workOfChange } from './work.js'

export type ProjectorNeeds = Pick<DeviceRowsNeeds, 'inbox' | 'readKeyCounts'> &
  Pick<DeviceListJournalNeeds, 'readDeviceLists'> & {
    db: Database
    live: Pick<LiveTables, 'writeLive' | 'empty'>
    /** Lanes of others, that write behind the commit too. */
    otherLanes: readonly LaneParts[]
    /** `rooms/` fills this in: rooms and events in memory, and the memberships of users. */
    rooms: Rooms
    /** `sync/` fills these in. */
    countUnread(userId: UserId, roomId: RoomId): Promise<{ notification_count: number; highlight_count: number }>
    readOwnReceipts(userId: UserId, roomId: RoomId): Promise<readonly ReceiptRow[]>
    /** Users whose messages are for those alone who were there. */
    isErased(userId: UserId): boolean
    serverName: ServerName
    /** How many live queries a write pays for. */
    registry: Pick<LiveRegistry, 'countOn' | 'size' | 'ofChannel'>
    viewers: LiveViewers
    clock: Clock
    logger: Logger
  }

/** A lane as metrics show it: stream positions that are durable and not projected, and for how long. */
export type LaneLag = { lane: string; lag: number; lagMs: number }

export type Projector = {
  /** Of the lane that is furthest behind. */
  readonly lag: number
  readonly lanes: readonly LaneLag[]
  /** Resolves when everything durable so far is in the live tables, room lists included. */
  settled(): Promise<void>
  /** Those who can see the presence of these users may from now on. */
  beforePresence(userIds: readonly UserId[]): Promise<void>
  /** Finishes what is under way. What is left is done at the next start. */
  close(): Promise<void>
}

/** After so long without a change, what is not needed any more is deleted; under load after so many changes. */
const idleMs = 2_000
const tidyEveryMs = 60_000
const tidyAfter = 5_000
/** Rows of the feed that are deleted together. */
const prunedAtOnce = 1_000
/** Rooms whose old rows are deleted in one go. */
const roomsAtOnce = 20
/** A query waits so long for the rows it asks for: long where what is missing in the answer would be taken for hidden. */
const patienceMs = { members: 150, range: 10_000, presence: 500, device: 5_000 }

export async function startProjector(needs: ProjectorNeeds): Promise<Projector> {
  const projector = new LaneProjector(needs)
  await projector.start()
  return projector
}

class LaneProjector implements Projector {
  readonly #needs: ProjectorNeeds
  readonly #lanes: readonly Lane[]
  readonly #events: Lane
  readonly #members: MembersLane
  readonly #window: EventWindow
  readonly #lists: Lists
  readonly #presence: PresenceAccess
  readonly #devices: DeviceRows
  readonly #journal: DeviceListJournal
  #stopListening: (() => void)[] = []
  #tidying: Timer | undefined
  #tidied: Promise<void> = Promise.resolve()
  /** Position at the last tidying, and before which the feed is gone. */
  #tidyAt = 0
  #pruned: number | undefined
  #isClosed = false

  constructor(needs: ProjectorNeeds) {
    this.#needs = needs
    const { db, rooms, registry, viewers, serverName } = needs
    const isLocal = (userId: UserId) => serverNameIn(userId) === serverName
    const readBounds = makeReadBounds(rooms)
    const readVisibility = makeReadVisibility(rooms, needs.isErased)
    const countOn = (table: string) => (channel: string) =>
      registry.ofChannel(channel).filter((query) => query.table === table).length
    const access = new Lane(needs, accessLane({ ...needs, readBounds, isLocal }))
    this.#window = new EventWindow({
      ...needs,
      writeRange: (room, from, to) => writeEventRange({ ...needs, readVisibility }, room, from, to),
    })
    const events = eventsLane(
      {
        ...needs,
        readVisibility,
        window: this.#window,
        mayBeWatched: (roomId) => viewers.mayWatch('room_events', roomId, countOn('room_events')),
        written: (roomIds) => this.#lists.rowsWritten(roomIds),
      },
      access,
    )
    this.#events = new Lane(needs, events)
    this.#members = new MembersLane({
      ...needs,
      isLocal,
      isWatched: (roomId) => viewers.watches('room_members', roomId, countOn('room_members')),
    })
    this.#lists = new Lists({
      ...needs,
      readBounds,
      readVisibility,
      isLocal,
      userFacts: new UserFactsReader(db),
      eventsReached: (position) => this.#events.reached(position),
    })
    this.#presence = new PresenceAccess(needs)
    this.#devices = new DeviceRows(needs)
    this.#journal = new DeviceListJournal(needs)
    this.#lanes = [
      access,
      this.#events,
      this.#members.lane,
      new Lane(needs, receiptsLane(needs)),
      new Lane(needs, accountDataLane(needs)),
      ...needs.otherLanes.map((parts) => new Lane(needs, parts)),
    ]
  }

  get lag(): number {
    return Math.max(...this.#lanes.map(({ lag }) => lag))
  }

  get lanes(): readonly LaneLag[] {
    return this.#lanes.map(({ name, lag, lagMs }) => ({ lane: name, lag, lagMs }))
  }

  beforePresence(userIds: readonly UserId[]): Promise<void> {
    return this.#presence.prepare(userIds)
  }

  async start(): Promise<void> {
    const { db, viewers } = this.#needs
    const begins = await Promise.all(this.#lanes.map((lane) => lane.readMark()))
    await Promise.all([this.#lists.start(), this.#presence.start(), this.#devices.start()])
    for (const begin of begins) begin()
    this.#tidyAt = db.position
    this.#stopListening = [
      db.onCommitted('project', (changes) => this.#hear(changes)),
      viewers.listen({
        come: (userId) => {
          this.#lists.come(userId)
          this.#presence.come(userId)
        },
        go: (userId) => {
          this.#lists.go(userId)
          this.#presence.go(userId)
          this.#journal.go(userId)
        },
        deviceGone: (userId, deviceId) => this.#devices.go({ userId, deviceId }),
        ask: (question) => this.#answer(question),
      }),
    ]
    const everyMinute = this.#needs.clock.every(tidyEveryMs, () => this.#tidyLater())
    this.#stopListening.push(() => everyMinute.cancel())
    this.#planTidying()
  }

  async settled(): Promise<void> {
    const { position } = this.#needs.db
    await Promise.all(this.#lanes.map((lane) => lane.reached(position)))
    await this.#lists.settle()
    await Promise.all([this.#devices.settle(), this.#journal.settle()])
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stopListening) stop()
    this.#tidying?.cancel()
    await this.#lists.close()
    await Promise.all(this.#lanes.map((lane) => lane.close()))
    await Promise.all([this.#presence.close(), this.#devices.close(), this.#journal.close(), this.#tidied])
  }

  #hear(changes: readonly Change[]): void {
    const last = changes.at(-1)
    if (!last) return
    const works = changes.flatMap((change) => workOfChange(change) ?? [])
    this.#lists.hear(works)
    this.#presence.hear(works)
    this.#devices.hear(changes)
    this.#journal.hear(changes)
    // `access` is the first: `events` then knows that it has to wait.
    for (const lane of this.#lanes) lane.hear(works, last.position)
    if (!this.#tidying) this.#planTidying()
  }

  // ── rows that are made when they are asked for ───────────────────────────────────────────────

  /** Waits for what is quickly made; what is not shows a moment later, and the reader hears of it. */
  async #answer({ userId, deviceId, tables, rooms, ranges, charge }: Question): Promise<void> {
    const waits: Promise<unknown>[] = []
    if (tables.has('room_summaries')) waits.push(this.#lists.ready(userId))
    if (tables.has('user_presence')) waits.push(this.#within(patienceMs.presence, this.#presence.ready(userId)))
    if (tables.has('to_device') || tables.has('device_key_counts'))
      waits.push(this.#within(patienceMs.device, this.#devices.open({ userId, deviceId })))
    if (tables.has('device_list_changes')) waits.push(this.#within(patienceMs.device, this.#journal.open(userId)))
    if (tables.has('room_members') || tables.has('room_events')) {
      const memberships = await this.#needs.rooms.membershipsOf(userId)
      if (tables.has('room_members'))
        for (const roomId of rooms)
          if (memberships.get(roomId)?.membership === 'join')
            waits.push(this.#within(patienceMs.members, this.#members.open(roomId, charge)))
      for (const { roomId, from, to } of ranges)
        if (memberships.has(roomId)) waits.push(this.#within(patienceMs.range, this.#show(roomId, from, to, charge)))
    }
    await Promise.all(waits)
  }

  /** Block by block, newest first: news of other rooms come between. */
  async #show(roomId: RoomId, from: number, to: number, charge: Charge): Promise<void> {
    const room = await this.#needs.rooms.get(roomId)
    if (!room || !this.#window.lacks(room, from, to)) return
    const newest = Math.min(to, windowLow(room) - 1)
    const oldest = Math.max(from, room.minSeq, newest - windowRows + 1)
    for (let end = newest; end >= oldest; end -= blockRows) {
      const start = Math.max(oldest, end - blockRows + 1)
      await this.#events.inTurn(() => charge(() => this.#window.show(room, start, end)))
    }
  }

  #within(ms: number, wanted: Promise<void>): Promise<void> {
    const { clock, logger } = this.#needs
    return new Promise((resolve) => {
      const timer = clock.after(ms, resolve)
      wanted
        .catch((error: unknown) => {
          if (!(error instanceof LaneClosedError))
            logger.error({ err: error }, 'rows that were asked for were not made')
        })
        .finally(() => {
          timer.cancel()
          resolve()
        })
    })
  }

  // ── idle moments ─────────────────────────────────────────────────────────────────────────────

  #planTidying(): void {
    this.#tidying = this.#needs.clock.after(idleMs, () => {
      this.#tidying = undefined
      const isBusy = this.lag > 0 && this.#needs.db.position - this.#tidyAt < tidyAfter
      if (isBusy) this.#planTidying()
      else this.#tidyLater()
    })
  }

  #tidyLater(): void {
    this.#tidied = this.#tidied
      .then(() => this.#tidy())
      .catch((error: unknown) => {
        if (!(error instanceof LaneClosedError)) this.#needs.logger.warn({ err: error }, 'live tables were not tidied')
      })
  }

  /** Writes how far the lanes have come and forgets what no restart and no reader will ask for. */
  async #tidy(): Promise<void> {
    this.#tidyAt = this.#needs.db.position
    for (const lane of this.#lanes) await lane.writeMark()
    await this.#pruneFeed()
    for (let n = 0; n < roomsAtOnce && this.#window.isDue; n++)
      if (!(await this.#events.inTurn(() => this.#window.prune()))) break
    await this.#members.tidy()
    await this.#lists.tidy()
    if (this.#window.isDue && !this.#tidying && !this.#isClosed) this.#planTidying()
  }

  async #pruneFeed(): Promise<void> {
    const { db, live } = this.#needs
    const until = Math.min(...this.#lanes.map(({ marked }) => marked))
    this.#pruned ??= (await readFeedStart(db)) ?? until
    while (this.#pruned < until && !this.#isClosed) {
      this.#pruned = Math.min(until, this.#pruned + prunedAtOnce)
      await live.writeLive(deleteFeedBefore(this.#pruned as StreamPosition, db.position))
    }
  }
}
