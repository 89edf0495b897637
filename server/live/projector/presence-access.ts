/**
 * `presence_access:[viewer, user]`: whose presence a user may see who looks now, as PERMISSIONS ask for it.
 *
 * Presence is for people who share a room. That is not kept for every two of them: a row is written for each viewer and
 * each user whose presence is known at all, when the viewer comes, when either's memberships change, and before the first
 * presence of a user is written. It is gone soon after the viewer is. So a join costs one look for each viewer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '../../kernel/clock.js'
import type { UserId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Rooms } from '../../rooms/room.js'
import type { LiveTables } from '../../store/live.js'
import { deletePresenceAccess, readPresentUsers } from '../../store/presence-store.js'
import type { Reader } from '../../store/reader.js'
import { deleteRow, upsertRow, type Write } from '../../store/writes.js'
import { rowsPerWrite } from './lane.js'
import { type Work, whoMoved } from './work.js'

export type PresenceAccessNeeds = {
  db: Reader
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: Pick<Rooms, 'sharedRooms' | 'membershipsOf'>
  clock: Clock
  logger: Logger
}

type Viewer = {
  /** Who may be seen, as the table has it. */
  seen: Set<UserId>
  /** Who is to be looked at again; `all` for everybody. */
  unsure: Set<UserId> | 'all'
  ready: Promise<void>
  leaving: Timer | undefined
}

/** A viewer who comes back within this has nothing to wait for. */
const graceMs = 60_000
const checkedAtOnce = 32
const maxKnown = 50_000

export class PresenceAccess {
  readonly #needs: PresenceAccessNeeds
  /** Users who have a row in `user_presence`. */
  readonly #known = new Set<UserId>()
  readonly #viewers = new Map<UserId, Viewer>()
  #running: Promise<void> | undefined
  readonly #closing = new AbortController()

  constructor(needs: PresenceAccessNeeds) {
    this.#needs = needs
  }

  /** Nobody looks yet: what the last run wrote is taken away. To be done before anybody comes. */
  async start(): Promise<void> {
    await this.#needs.live.empty('presence_access', this.#closing.signal)
    for (const userId of await readPresentUsers(this.#needs.db, maxKnown)) this.#known.add(userId)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const { leaving } of this.#viewers.values()) leaving?.cancel()
    await this.#running
  }

  come(userId: UserId): void {
    const known = this.#viewers.get(userId)
    known?.leaving?.cancel()
    const viewer: Viewer = known ?? { seen: new Set(), unsure: 'all', ready: Promise.resolve(), leaving: undefined }
    viewer.unsure = 'all'
    viewer.leaving = undefined
    this.#viewers.set(userId, viewer)
    viewer.ready = this.#run()
  }

  go(userId: UserId): void {
    const viewer = this.#viewers.get(userId)
    if (!viewer) return
    viewer.leaving = this.#needs.clock.after(graceMs, () => {
      this.#viewers.delete(userId)
      this.#needs.live
        .writeLive([deletePresenceAccess(userId)])
        .catch((error: unknown) => this.#needs.logger.error({ err: error }, 'presence stays readable for one who left'))
    })
  }

  /** Resolves when the table says what the viewer may see. */
  async ready(userId: UserId): Promise<void> {
    await this.#viewers.get(userId)?.ready
  }

  /** To be given every change in stream order. */
  hear(works: readonly Work[]): void {
    if (this.#viewers.size === 0) return
    for (const work of works) {
      const moved = whoMoved(work, () => true)
      if (!moved) continue
      for (const [userId, viewer] of this.#viewers) {
        if (moved.everybody || moved.users.has(userId)) viewer.unsure = 'all'
        else if (viewer.unsure !== 'all')
          for (const other of moved.users) if (this.#known.has(other)) viewer.unsure.add(other)
      }
    }
    if ([...this.#viewers.values()].some(isUnsure)) void this.#run()
  }

  /** The presence of these is about to be written: those who share a room with them are to see it. */
  async prepare(userIds: readonly UserId[]): Promise<void> {
    const fresh = userIds.filter((userId) => !this.#known.has(userId))
    for (const userId of fresh) this.#known.add(userId)
    if (this.#known.size > maxKnown) this.#known.delete(this.#known.values().next().value!)
    if (fresh.length === 0) return
    for (const [userId, viewer] of [...this.#viewers])
      await this.#check(userId, viewer, fresh).catch((error: unknown) => {
        viewer.unsure = 'all'
        this.#needs.logger.error({ err: error }, 'who may see whose presence was not written')
      })
  }

  /** Looks at those it is not sure of; resolves when it is sure of all that was asked for before. */
  #run(): Promise<void> {
    const run = (this.#running ?? Promise.resolve())
      .then(() => this.#checkAll())
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted)
          this.#needs.logger.error({ err: error }, 'who may see whose presence was not written')
      })
    this.#running = run
    return run
  }

  async #checkAll(): Promise<void> {
    for (const [userId, viewer] of this.#viewers) {
      if (!isUnsure(viewer) || this.#closing.signal.aborted) continue
      const others = viewer.unsure === 'all' ? [...this.#known] : [...viewer.unsure]
      viewer.unsure = new Set()
      try {
        await this.#check(userId, viewer, others)
      } catch (error) {
        viewer.unsure = 'all'
        throw error
      }
    }
  }

  async #check(userId: UserId, viewer: Viewer, others: readonly UserId[]): Promise<void> {
    const { rooms, live } = this.#needs
    for (let start = 0; start < others.length; start += rowsPerWrite) {
      if (this.#closing.signal.aborted) return
      const writes: Write[] = []
      const some = others.slice(start, start + rowsPerWrite)
      const gained: UserId[] = []
      const lost: UserId[] = []
      for (let at = 0; at < some.length; at += checkedAtOnce) {
        await nextTurn()
        await Promise.all(
          some.slice(at, at + checkedAtOnce).map(async (other) => {
            const isShared = other !== userId && (await rooms.sharedRooms(userId, other)).length > 0
            if (isShared && !viewer.seen.has(other)) gained.push(other)
            if (!isShared && viewer.seen.has(other)) lost.push(other)
          }),
        )
      }
      for (const other of gained) writes.push(upsertRow('presence_access', { id: [userId, other], readable: true }))
      for (const other of lost) writes.push(deleteRow('presence_access', [userId, other]))
      if (writes.length > 0) await live.writeLive(writes)
      for (const other of gained) viewer.seen.add(other)
      for (const other of lost) viewer.seen.delete(other)
    }
  }
}

const isUnsure = ({ unsure }: Viewer) => unsure === 'all' || unsure.size > 0
