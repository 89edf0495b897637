/**
 * The one way to move a room on: `write` hands the room's tip to a writer, under the room's lock, and commits
 * what the writer stages.
 *
 * Of each room in memory there are two references: `durable`, which readers get, and the tip, on which the next
 * writer builds. Between them lies the line of units on their way to the disk. The lock is given up before they
 * are there, so a busy room's next event is built while the last one is committed.
 *
 * What is built on something that fails can never be committed: when its unit is built into a batch it asks, by
 * identity, whether the snapshot it stands on is the durable one, or that of the unit before it in the same batch.
 * How long the writer waited, and for what, does not matter. After a failure the tip falls back to what is
 * durable, and every writer whose base failed is run again.
 */
import type { PduEvent, StateMap } from '../events/pdu.js'
import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { PersistentMap } from '../kernel/persistent-map.js'
import type { Database } from '../store/reader.js'
import { type RoomRow, setRoom } from '../store/room-store.js'
import type { Change, Grant, StreamPosition, Write } from '../store/writes.js'
import { makeKeyedLock } from './keyed-lock.js'
import type { Entries, Moved, Room, Snapshot, StoredEvent, Timeline } from './room.js'
import type { RoomMembers } from './room-members.js'
import { type Census, emptyTimeline, nobody, nothingMoved, userOfKey } from './snapshot.js'
import type { StateNodes } from './state-nodes.js'
import type { View } from './state-view.js'

/** What the writer built on did not become durable: it is run again on what did. */
class StaleBaseError extends Error {
  constructor(roomId: RoomId) {
    super(`what was built on ${roomId} stands on what did not become durable`)
    this.name = 'StaleBaseError'
  }
}

export type BuiltStep = {
  writes: Write[]
  changes: Change[]
  timeline: Timeline
  /** What else changes in memory, once it is durable and before anyone is told. */
  remembers?: readonly (() => void)[]
}
/** Describes the writes of one step; called anew at each attempt to commit, without effects. */
export type Step = (grant: Grant, timeline: Timeline) => BuiltStep

/** A room under its lock. */
export type RoomTx = {
  /** The room as the writer finds it, with what it has staged; undefined for a room this server does not know. */
  readonly tip: Snapshot | undefined
  /** The room as it is on disk. */
  readonly durable: Room | undefined
  /** What is to be committed, in order, all in one transaction; `eventId` is the event it makes durable. */
  stage(next: Snapshot, step: Step, eventId?: EventId): void
  /** Resolves when all that the tip stands on is durable. */
  landed(): Promise<void>
  /** Durable events; those on their way are waited for. */
  readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]>
  /** The state of one node as a view on that of another; nodes on their way are waited for. */
  readView(from: number, to: number): Promise<View>
  /** The whole state of a node, as many entries as the room has members and more. */
  readNode(n: number): Promise<StateMap>
  /** Entries of the tip's state, members too, for the auth rules: `keys` are the only ones it can be asked for. */
  readCurrent(keys: readonly string[]): Promise<Entries>
  /** What the tip's state says of some users, for changing it. */
  readCensus(userIds: readonly UserId[]): Promise<Census>
  /** Servers with users joined at the tip, and how many each has. */
  readServers(): Promise<ReadonlyMap<ServerName, number>>
}

/**
 * Runs the work under the room's lock and commits what it staged, in one transaction.
 *
 * @param work may be run more than once: what it stands on may fail. A refusal it throws counts only if what it
 * was refused by is durable.
 * @returns what the work returned, once all that was staged, and all that it stands on, is durable
 */
export type WriteRoom = <T>(roomId: RoomId, work: (tx: RoomTx) => Promise<T>) => Promise<T>

type Unit = { next: Snapshot; events: ReadonlySet<EventId>; settled: Promise<void> }

/** One room in memory. */
export class HeldRoom {
  readonly roomId: RoomId
  durable: Room | undefined
  /** What `durable` was built as, to be compared by identity. */
  base: Snapshot | undefined
  /** Units on their way, each standing on the one before. */
  line: Unit[] = []
  /** Writers that hold or wait for the lock, or wait for the disk. */
  writers = 0
  /** What the attempt under way has built so far. */
  #attempt: { grant: Grant; snapshot: Snapshot; timeline: Timeline } | undefined

  constructor(roomId: RoomId, durable: Room | undefined) {
    this.roomId = roomId
    this.durable = durable
    this.base = durable
  }

  get tip(): Snapshot | undefined {
    return this.line.at(-1)?.next ?? this.base
  }

  /** What the next unit of this attempt may stand on. */
  before(grant: Grant): { snapshot: Snapshot | undefined; timeline: Timeline } {
    if (this.#attempt?.grant === grant) return this.#attempt
    return { snapshot: this.base, timeline: this.durable ? timelineOf(this.durable) : emptyTimeline }
  }

  note(grant: Grant, snapshot: Snapshot, timeline: Timeline): void {
    this.#attempt = { grant, snapshot, timeline }
  }

  settle(next: Snapshot, timeline: Timeline): void {
    this.#attempt = undefined
    this.base = next
    this.durable = { ...next, moved: nothingMoved, ...timeline }
    this.line.shift()
  }

  /** What units on their way have moved of the members of that state, up to the snapshot's own, latest first. */
  movedUpTo(snapshot: Snapshot | undefined, generation: number): Moved[] {
    const last = this.line.findIndex(({ next }) => next === snapshot)
    const units = this.line.slice(0, last + 1).map(({ next }) => next)
    return units.flatMap((each) => (each.stateGeneration === generation ? each.moved : [])).reverse()
  }

  /** Resolves when a further unit may be on its way. Under the lock, so that none comes between. */
  async hasRoom(): Promise<void> {
    while (this.line.length >= mostUnderWay) await this.line.at(-mostUnderWay)?.settled.catch(() => undefined)
  }

  /** The unit that leads here failed: so does all that stands on it. */
  fail(next: Snapshot): void {
    if (this.line.some((unit) => unit.next === next)) this.line = []
  }

  /** Resolves when the snapshot is durable. @throws StaleBaseError where it failed */
  async landed(snapshot: Snapshot | undefined): Promise<void> {
    if (snapshot === this.base) return
    const unit = this.line.find(({ next }) => next === snapshot)
    if (!unit) throw new StaleBaseError(this.roomId)
    await unit.settled.catch(() => {
      throw new StaleBaseError(this.roomId)
    })
  }
}

/** Of the room itself nothing: what is built on this must not carry the old state along. */
const timelineOf = ({
  maxSeq,
  minSeq,
  historyComplete,
  segments,
  lastPosition,
  movedPosition,
  recent,
}: Room): Timeline => ({
  ...{ maxSeq, minSeq, historyComplete, segments, lastPosition, movedPosition, recent },
})

type Needs = {
  db: Database
  nodes: StateNodes
  members: RoomMembers
  /** The snapshot is durable. */
  moveOn(next: Snapshot): void
  readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]>
  /** The room in memory, kept there while `writers` is not zero. */
  hold(roomId: RoomId): Promise<HeldRoom>
  isHeld(held: HeldRoom): boolean
}

/** After so many failures of what it stood on, a writer waits for the disk and keeps the lock. */
const hastyAttempts = 3
/**
 * Units of one room on their way at once: more than any batch needs to be full. Each looks through those before it, and
 * what other rooms write waits for all that is queued.
 */
export const mostUnderWay = 64

export function makeWriteRoom(needs: Needs): WriteRoom {
  const lock = makeKeyedLock()

  async function writeOnce<T>(roomId: RoomId, work: (tx: RoomTx) => Promise<T>, isPatient: boolean): Promise<T> {
    const { answer, durable } = await lock(roomId, async () => {
      const held = await needs.hold(roomId)
      try {
        if (isPatient) await held.landed(held.tip).catch(() => undefined)
        await held.hasRoom()
        const tx = new Tx(needs, held)
        const outcome = await work(tx).then(
          (value) => ({ answer: () => value, isRefused: false }),
          (error: unknown) => ({
            answer: () => {
              throw error
            },
            isRefused: true,
          }),
        )
        const settled = tx.steps.length === 0 || outcome.isRefused ? held.landed(tx.base) : commit(held, tx)
        const released = settled.finally(() => void held.writers--)
        released.catch(() => undefined) // awaited below, outside the lock; it must not count as unhandled until then
        if (isPatient) await released
        return { answer: outcome.answer, durable: released }
      } catch (error) {
        held.writers--
        throw error
      }
    })
    await durable
    return answer()
  }

  function commit(held: HeldRoom, tx: Tx): Promise<void> {
    const { base, tip: next } = tx
    if (!next) throw new Error(`nothing was staged for ${held.roomId}`)
    if (!held.durable) needs.db.seedRoom(held.roomId, emptyTimeline)
    const settled = needs.db
      .commit((grant) => {
        const before = held.before(grant)
        if (before.snapshot !== base || !needs.isHeld(held)) throw new StaleBaseError(held.roomId)
        const unit = buildUnit(tx.steps, grant, before.timeline)
        const row = changedFields(base && { ...base, ...before.timeline }, { ...next, ...unit.timeline })
        held.note(grant, next, unit.timeline)
        return {
          writes: [...unit.writes, ...(row ? [setRoom(held.roomId, row)] : [])],
          changes: unit.changes,
          result: undefined,
          durable: () => {
            held.settle(next, unit.timeline)
            needs.moveOn(next)
            for (const remember of unit.remembers) remember()
          },
        }
      })
      .catch((error: unknown) => {
        held.fail(next)
        throw error
      })
    held.line.push({ next, events: tx.events, settled })
    return settled
  }

  return async (roomId, work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await writeOnce(roomId, work, attempt > hastyAttempts)
      } catch (error) {
        if (!(error instanceof StaleBaseError) || attempt > hastyAttempts) throw error
      }
    }
  }
}

class Tx implements RoomTx {
  readonly base: Snapshot | undefined
  tip: Snapshot | undefined
  readonly steps: Step[] = []
  /** Events that the staged steps make durable. */
  readonly events = new Set<EventId>()
  readonly #needs: Needs
  readonly #held: HeldRoom

  constructor(needs: Needs, held: HeldRoom) {
    this.#needs = needs
    this.#held = held
    this.base = held.tip
    this.tip = this.base && { ...this.base, moved: nothingMoved }
  }

  get durable(): Room | undefined {
    return this.#held.durable
  }

  stage(next: Snapshot, step: Step, eventId?: EventId): void {
    this.tip = next
    this.steps.push(step)
    if (eventId) this.events.add(eventId)
  }

  landed(): Promise<void> {
    return this.#held.landed(this.base)
  }

  async readEvents(eventIds: readonly EventId[]): Promise<StoredEvent[]> {
    if (this.#held.line.some(({ events }) => eventIds.some((eventId) => events.has(eventId)))) await this.landed()
    return this.#needs.readEvents(eventIds)
  }

  async readView(from: number, to: number): Promise<View> {
    await this.#landedNodes(from, to)
    return this.#needs.nodes.between(this.#held.roomId, from, to)
  }

  async readNode(n: number): Promise<StateMap> {
    await this.#landedNodes(n)
    return this.#needs.nodes.read(this.#held.roomId, n)
  }

  async #landedNodes(...nodes: number[]): Promise<void> {
    if (Math.max(...nodes) >= (this.#held.base?.nextNode ?? 0)) await this.landed()
  }

  async readCurrent(keys: readonly string[]): Promise<Entries> {
    const { tip } = this
    if (!tip) return new Map()
    const users = keys.flatMap((key) => userOfKey(key) ?? [])
    return entriesOf(tip, users, await this.#readMembers(tip, users))
  }

  async readCensus(userIds: readonly UserId[]): Promise<Census> {
    const { tip } = this
    if (!tip || userIds.length === 0) return nobody
    const members = await this.#readMembers(tip, userIds)
    const others = new Set(userIds.map(serverNameOf))
    others.delete(tip.serverName)
    const servers = new Map<ServerName, number>()
    const moved = this.#moved(tip)
    for (const server of others) {
      const count = moved.find((each) => each.servers.has(server))?.servers.get(server)
      if (count !== undefined) servers.set(server, count)
    }
    const unmoved = [...others].filter((server) => !servers.has(server))
    if (unmoved.length > 0)
      for (const [server, joined] of await this.#needs.members.readCounts(tip, unmoved)) servers.set(server, joined)
    return { members, servers }
  }

  async readServers(): Promise<ReadonlyMap<ServerName, number>> {
    const { tip } = this
    if (!tip) return new Map()
    const moved = this.#moved(tip) // before the read: a unit that settles meanwhile is in both, and says the same
    return serversOf(tip, await this.#needs.members.readServers(tip), moved)
  }

  /**
   * What is said of them by the latest unit that moved them; else what is on disk. While the lock is held no unit comes
   * after those that are looked through first, so it does not matter which of them settle during the read.
   */
  async #readMembers(tip: Snapshot, userIds: readonly UserId[]): Promise<Map<UserId, PduEvent>> {
    const moved = this.#moved(tip)
    const found = new Map<UserId, PduEvent>()
    const unmoved: UserId[] = []
    for (const userId of new Set(userIds)) {
      const latest = moved.find(({ members }) => members.has(userId))
      const event = latest?.members.get(userId)
      if (event) found.set(userId, event)
      if (!latest) unmoved.push(userId)
    }
    if (unmoved.length === 0 || !this.base) return found
    for (const [userId, event] of await this.#needs.members.readSome(tip, unmoved)) found.set(userId, event)
    return found
  }

  #moved(tip: Snapshot): Moved[] {
    return [tip.moved, ...this.#held.movedUpTo(this.base, tip.stateGeneration)]
  }
}

/** With a guard: who judges by an entry that nobody has read would take it for absent. */
export function entriesOf(room: Snapshot, asked: readonly UserId[], members: ReadonlyMap<UserId, PduEvent>): Entries {
  const users = new Set(asked)
  return {
    get(key) {
      const userId = userOfKey(key)
      if (userId === undefined) return room.state.get(key)
      if (!users.has(userId)) throw new Error(`the member event of ${userId} was not read before it was asked for`)
      return members.get(userId)
    },
  }
}

/** @param moved latest first */
export function serversOf(
  room: Snapshot,
  onDisk: PersistentMap<ServerName, number>,
  moved: readonly Moved[] = [],
): ReadonlyMap<ServerName, number> {
  const entries = new Map<ServerName, number | undefined>()
  for (const { servers } of [...moved].reverse())
    for (const [server, joined] of servers) entries.set(server, joined > 0 ? joined : undefined)
  if (room.localJoinedCount > 0) entries.set(room.serverName, room.localJoinedCount)
  return onDisk.with(entries)
}

function buildUnit(steps: readonly Step[], grant: Grant, before: Timeline) {
  const writes: Write[] = []
  const changes: Change[] = []
  const remembers: (() => void)[] = []
  let timeline = before
  for (const step of steps) {
    const built = step(grant, timeline)
    writes.push(...built.writes)
    changes.push(...built.changes)
    remembers.push(...(built.remembers ?? []))
    timeline = built.timeline
  }
  return { writes, changes, remembers, timeline }
}

/** The members of the room's row that differ; all of them for a new room. */
function changedFields(before: Room | undefined, after: Room): Partial<RoomRow> | undefined {
  const row = rowOf(after)
  if (!before) return row
  const old = rowOf(before)
  const keys = Object.keys(row) as (keyof RoomRow)[]
  const changed = keys.filter((key) =>
    key === 'extremities' ? before.extremities !== after.extremities : row[key] !== old[key],
  )
  return changed.length === 0 ? undefined : Object.fromEntries(changed.map((key) => [key, row[key]]))
}

const rowOf = (room: Room): RoomRow => ({
  room_id: room.roomId,
  version: room.version,
  create_event_id: room.createEvent.eventId,
  extremities: room.extremities.map(({ eventId }) => eventId),
  state_node: room.node,
  state_generation: room.stateGeneration,
  next_node: room.nextNode,
  state_weight: room.nodeWeight,
  state_size: room.stateSize,
  joined_count: room.joinedCount,
  invited_count: room.invitedCount,
  max_seq: room.maxSeq,
  min_seq: room.minSeq,
  last_position: room.lastPosition,
  moved_position: room.movedPosition as StreamPosition,
  history_complete: room.historyComplete,
  partial_state: room.partialState,
})
