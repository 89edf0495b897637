/**
 * The projector: follows the stream of durable changes and writes the live tables from it.
 *
 * It runs behind the commit and never slows it. Batches go in stream order, each with its watermark in the same
 * transaction, so that after a crash exactly what is missing is done again, from the feed. Live queries
 * cost a writer 0.2 to 0.4 ms per row and query; when what waits would take too long at that price, or is
 * history rather than news, rows go in silently, and the line in `room_summaries` that follows is the
 * doorbell: look again.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../kernel/clock.js'
import type { RoomId, ServerName, UserId } from '../../kernel/identifiers.js'
import { serverNameIn } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Rooms } from '../../rooms/room.js'
import { DatabaseError } from '../../store/errors.js'
import { deleteFeedBefore, readFeed } from '../../store/feed-store.js'
import type { LiveTables } from '../../store/live.js'
import { readProjection, setProjection } from '../../store/projection-store.js'
import type { Database } from '../../store/reader.js'
import type { ReceiptRow } from '../../store/receipt-store.js'
import type { Change, StreamPosition, Write } from '../../store/writes.js'
import type { LiveRegistry } from '../live-registry.js'
import { type BatchNeeds, projectBatch } from './project-batch.js'
import { MemberProjection } from './project-members.js'
import { SummaryProjection } from './project-summaries.js'
import { rebuild, rowsPerWrite } from './rebuild.js'
import { UserFactsReader } from './user-facts.js'
import { makeReadVisibility } from './visibility.js'
import { type Work, workOfChange, workOfFeed } from './work.js'

export type ProjectorNeeds = {
  db: Database
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  /** `rooms/` fills this in: rooms and events in memory, and the memberships of users. */
  rooms: Pick<
    Rooms,
    | 'get'
    | 'readEvent'
    | 'readEvents'
    | 'readTimeline'
    | 'readStateNode'
    | 'readStateEntryAt'
    | 'membershipsOf'
    | 'readMembershipHistory'
  >
  /** `sync/` fills these in. */
  countUnread(userId: UserId, roomId: RoomId): Promise<{ notification_count: number; highlight_count: number }>
  readOwnReceipts(userId: UserId, roomId: RoomId): Promise<readonly ReceiptRow[]>
  serverName: ServerName
  /** How many live queries a write pays for. */
  registry: Pick<LiveRegistry, 'countOn' | 'size'>
  clock: Clock
  logger: Logger
}

export type Projector = {
  /** Stream positions that are durable and not projected yet. */
  readonly lag: number
  /** Resolves when everything durable so far is in the live tables, summaries included. */
  settled(): Promise<void>
  /** Finishes the batch under way. What is left is done at the next start. */
  close(): Promise<void>
}

/** Form of the rows; a database written by another one is rebuilt. */
const version = 1
const batchSize = 256
/** Feed rows that are deleted together. */
const prunedAtOnce = 1_000
/** How long rows gather while there is no live query at all. */
const unwatchedPauseMs = 100
/** Works kept in memory; beyond that they are read from the feed when their turn comes. */
const maxQueued = 20_000
/** What one row costs per live query on its table. */
const msPerRowAndQuery = 0.3
/** Above this a batch goes in silently, in milliseconds of writing. */
const loudestMs = 100
/** Waits between attempts to write a batch. */
const retryMs = [50, 500, 3_000]

export async function startProjector(needs: ProjectorNeeds): Promise<Projector> {
  const projector = new ProjectorLoop(needs)
  await projector.start()
  return projector
}

class ProjectorLoop implements Projector {
  readonly #needs: ProjectorNeeds
  readonly #batchNeeds: BatchNeeds
  readonly #closing = new AbortController()
  #queue: Work[] = []
  /** True while works come from the feed: at start, and after more came than is kept. */
  #isBehind = true
  /** True where the tables are of another form, or of no form at all. */
  #isFormer = false
  /** Position of the last change that was told, and of the last that is projected. */
  #told = 0
  #position = 0
  /** Positions before this are gone from the feed. */
  #pruned = 0
  #loop: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined
  #stopListening: () => void = () => {}

  constructor(needs: ProjectorNeeds) {
    this.#needs = needs
    const { db, rooms, live, clock, logger, countUnread, readOwnReceipts, serverName } = needs
    const isLocal = (userId: UserId) => serverNameIn(userId) === serverName
    const members = new MemberProjection({ db, rooms, isLocal })
    const userFacts = new UserFactsReader(db)
    const readVisibility = makeReadVisibility(rooms)
    const shared = { db, rooms, members, userFacts, readVisibility, isLocal, clock, logger }
    const summaries = new SummaryProjection({
      ...shared,
      live,
      registry: needs.registry,
      countUnread,
      readOwnReceipts,
      version,
    })
    this.#batchNeeds = { ...shared, summaries }
  }

  get lag(): number {
    return Math.max(0, this.#told - this.#position)
  }

  async start(): Promise<void> {
    const { db } = this.#needs
    const [live, summaries] = await Promise.all([readProjection(db, 'live'), readProjection(db, 'summaries')])
    this.#told = db.position
    this.#stopListening = db.onCommitted((changes) => this.#hear(changes))
    const isUsable = live?.version === version && live.position <= db.position
    this.#position = isUsable ? live.position : 0
    this.#isFormer = !isUsable && db.position > 0
    this.#loop = this.#run(summaries?.position ?? 0)
  }

  async settled(): Promise<void> {
    const { db, clock } = this.#needs
    const target = db.position
    while (this.#position < target && !this.#closing.signal.aborted)
      await new Promise<void>((resolve) => clock.after(5, resolve))
    await this.#batchNeeds.summaries.settle()
  }

  async close(): Promise<void> {
    this.#stopListening()
    this.#closing.abort()
    this.#wake?.()
    await this.#loop
    await this.#batchNeeds.summaries.close()
  }

  #hear(changes: readonly Change[]): void {
    this.#told = changes.at(-1)?.position ?? this.#told
    if (!this.#isBehind) {
      for (const change of changes) {
        const work = workOfChange(change)
        if (work) this.#queue.push(work)
      }
      if (this.#queue.length > maxQueued) {
        this.#queue = []
        this.#isBehind = true
      }
    }
    this.#wake?.()
  }

  async #run(summarised: number): Promise<void> {
    if (!this.#isFormer && this.#position > 0)
      await this.#markSince(summarised).catch((error: unknown) =>
        this.#needs.logger.error({ err: error }, 'lines of the room list may be old'),
      )
    while (!this.#closing.signal.aborted) {
      try {
        // A turn of its own: what was just committed is then known in memory with its place.
        await nextTurn()
        if (this.#isFormer) await this.#rebuild()
        else if (this.#isBehind) await this.#readBatch()
        else if (this.#queue.length > 0) await this.#gather().then(() => this.#takeBatch())
        else await this.#sleep()
      } catch (error) {
        this.#needs.logger.error({ err: error }, 'the projector stumbled')
        await this.#pause(retryMs.at(-1)!)
      }
    }
  }

  #sleep(): Promise<void> {
    this.#position = Math.max(this.#position, this.#told)
    return new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
      if (this.#queue.length > 0 || this.#isBehind || this.#closing.signal.aborted) this.#wake()
    })
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise<void>((resolve) => {
      const end = () => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#needs.clock.after(ms, end)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  // ── taking works ─────────────────────────────────────────────────────────────────────────────

  /** While nobody watches, rows may gather: one transaction for many costs the senders less than one for each. */
  async #gather(): Promise<void> {
    if (this.#needs.registry.size === 0 && this.#queue.length < batchSize) await this.#pause(unwatchedPauseMs)
  }

  async #takeBatch(): Promise<void> {
    const works = this.#queue.splice(0, batchSize)
    await this.#project(works, works.at(-1)!.position)
  }

  async #readBatch(): Promise<void> {
    const until = this.#told
    const entries = await readFeed(this.#needs.db, this.#position, batchSize)
    const first = entries[0]
    const last = entries.at(-1)
    if (!first || !last) {
      if (until > this.#position) return this.#rebuild()
      // Nothing was told since the read began, or it would be read next.
      if (this.#told === until) this.#isBehind = false
      return
    }
    if (first.position > this.#position + 1) return this.#rebuild()
    const works = entries.flatMap((entry) => workOfFeed(entry) ?? [])
    if (works.length > 0) await this.#project(works, last.position)
    this.#position = last.position
  }

  async #rebuild(): Promise<void> {
    const { db, logger, live } = this.#needs
    const position = db.position
    logger.warn({ position }, 'the live tables are written anew')
    await rebuild({ ...this.#batchNeeds, ...this.#needs }, position, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    await live.writeLive([setProjection('live', position, version)])
    this.#position = position
    this.#isFormer = false
    this.#isBehind = true
    this.#batchNeeds.summaries.ring(position)
  }

  /** Lines of the room list that the last run did not come to. */
  async #markSince(summarised: number): Promise<void> {
    const { db } = this.#needs
    const { summaries } = this.#batchNeeds
    for (let position = summarised; position < this.#position; ) {
      const entries = await readFeed(db, position, 1_000)
      if (entries.length === 0) break
      for (const { room_id, user_id, kind } of entries) {
        if (!room_id) continue
        summaries.markRoom(room_id as RoomId, position)
        if (user_id && kind !== 'event') summaries.markLine(user_id as UserId, room_id as RoomId, position)
      }
      position = entries.at(-1)!.position
    }
    summaries.ring(this.#position)
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────

  /** News and history apart, in order. */
  async #project(works: readonly Work[], until: number): Promise<void> {
    let start = 0
    while (start < works.length) {
      const historical = isHistorical(works[start]!)
      let end = start + 1
      while (end < works.length && isHistorical(works[end]!) === historical) end++
      const run = works.slice(start, end)
      await this.#projectRun(run, end === works.length ? until : run.at(-1)!.position, historical)
      start = end
    }
  }

  async #projectRun(works: readonly Work[], until: number, historical: boolean): Promise<void> {
    const batch = await projectBatch(this.#batchNeeds, works)
    const writes = [...batch.writes, setProjection('live', until, version)]
    const groups = batch.members.writes(this.#batchNeeds.isLocal, rowsPerWrite)
    const silent =
      historical || groups.length > 1 || this.#cost([...groups.flat(), ...writes]) + this.#backlogCost() > loudestMs
    try {
      // What does not fit into one transaction goes before it: rows are found as they are when it is done again.
      const last = groups.pop() ?? []
      for (const group of groups) await this.#write(group, silent)
      await this.#write([...last, ...writes], silent)
    } catch (error) {
      this.#batchNeeds.members.forget(batch.rooms)
      if (this.#closing.signal.aborted) throw error
      if (works.length > 1) return this.#projectHalves(works, until)
      this.#needs.logger.error({ err: error, position: until }, 'a change is left out of the live tables')
      await this.#needs.live.writeLive([setProjection('live', until, version)])
    }
    this.#position = until
    this.#batchNeeds.summaries.ring(until)
    await this.#pruneFeed()
  }

  /** Forgets what no restart will ask for. In the live lane, so that no sender waits for it. */
  async #pruneFeed(): Promise<void> {
    const { db, live, logger } = this.#needs
    const needed = Math.min(this.#position, this.#batchNeeds.summaries.flushed)
    const until = this.#pruned + prunedAtOnce
    if (needed < until) return
    this.#pruned = until
    await live
      .writeLive(deleteFeedBefore(until as StreamPosition, db.position))
      .catch((error: unknown) => logger.warn({ err: error }, 'the feed was not pruned'))
  }

  /** The poisoned one among them will stand alone in the end. */
  async #projectHalves(works: readonly Work[], until: number): Promise<void> {
    const middle = works.length >> 1
    const first = works.slice(0, middle)
    // Works of one position stay together as far as the watermark goes: it moves with the last of them.
    await this.#project(first, Math.min(first.at(-1)!.position, works[middle]!.position - 1))
    await this.#project(works.slice(middle), until)
  }

  /** A statement that fails will fail again; anything else may pass. */
  async #write(writes: readonly Write[], silent: boolean): Promise<void> {
    for (const ms of retryMs) {
      try {
        return await this.#needs.live.writeLive(writes, { silent })
      } catch (error) {
        if (error instanceof DatabaseError || this.#closing.signal.aborted) throw error
        this.#needs.logger.warn({ err: error }, 'live rows were not written; trying again')
        await this.#pause(ms)
      }
    }
    await this.#needs.live.writeLive(writes, { silent })
  }

  /** Milliseconds that live queries add to these writes. */
  #cost(writes: readonly Write[]): number {
    let cost = 0
    for (const write of writes)
      if (write.op === 'upsert') cost += this.#needs.registry.countOn(write.table) * msPerRowAndQuery
    return cost
  }

  #backlogCost(): number {
    return this.lag * this.#needs.registry.countOn('room_events') * msPerRowAndQuery
  }
}

const isHistorical = (work: Work) => work.kind === 'event' && work.historical
