/**
 * `device_list_changes`: a journal for each user of whose devices changed and who was left, as /sync tells it.
 *
 * A row is worked out for a user who looks, from where the journal ends, when something happened that may matter to them: so nothing
 * is written for who is away, and their journal goes on when they are back. Rows follow each other without a gap; the oldest are
 * forgotten. Where too much happened to be worth telling, the journal begins anew, which says: ask for everything again.
 */
import type { Clock } from '../../kernel/clock.js'
import type { UserId } from '../../kernel/identifiers.js'
import type { DeviceListChangesRow } from '../../kernel/live-rows.js'
import type { Logger } from '../../kernel/logger.js'
import { deleteJournalRow, readJournalPositions, setJournalRow } from '../../store/device-list-journal-store.js'
import type { LiveTables } from '../../store/live.js'
import type { Database } from '../../store/reader.js'
import type { Change } from '../../store/writes.js'
import type { ReadDeviceLists } from '../../sync/device-lists.js'

export type DeviceListJournalNeeds = {
  db: Database
  live: Pick<LiveTables, 'writeLive'>
  readDeviceLists: ReadDeviceLists
  clock: Clock
  logger: Logger
}

export const journalLimits = {
  rows: 200,
  /** Users in one row. */
  users: 10_000,
  /** Stream positions that a row may be worked out over. */
  positions: 1_000_000,
}
/** While changes follow each other, so long between two rows. */
const gatherMs = 200
/** Without a row for so many positions, an empty one is written: the next look begins there. */
const quietPositions = 10_000
const retryMs = 1_000

type Viewed = {
  userId: UserId
  /** Of the rows, oldest first; undefined: not read yet. */
  positions: number[] | undefined
  /** Nothing is untold up to here. */
  checked: number
  /** Something happened since. */
  isUnsure: boolean
  /** False for one who looks no more, until what is under way is written. */
  isHere: boolean
  isRunning: boolean
  turn: Promise<void>
  lookedAt: number
}

export class DeviceListJournal {
  readonly #needs: DeviceListJournalNeeds
  readonly #viewed = new Map<UserId, Viewed>()
  readonly #closing = new AbortController()

  constructor(needs: DeviceListJournalNeeds) {
    this.#needs = needs
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.settle()
  }

  /** The user asks for the journal; resolves when it is up to date. */
  open(userId: UserId): Promise<void> {
    const viewed: Viewed = this.#viewed.get(userId) ?? {
      ...{ userId, positions: undefined, checked: 0, isUnsure: true, isHere: true },
      ...{ isRunning: false, turn: Promise.resolve(), lookedAt: Number.NEGATIVE_INFINITY },
    }
    viewed.isHere = true
    this.#viewed.set(userId, viewed)
    this.#run(viewed)
    return viewed.turn
  }

  /** The last channel of the user is closed. */
  go(userId: UserId): void {
    const viewed = this.#viewed.get(userId)
    if (!viewed) return
    viewed.isHere = false
    if (!viewed.isRunning) this.#viewed.delete(userId)
  }

  /** To be given every change in stream order. */
  hear(changes: readonly Change[]): void {
    if (this.#viewed.size === 0) return
    const isForAll = changes.some(mayMatterToAll)
    const some = new Set(changes.map((change) => change.kind === 'device_list' && change.onlyFor))
    for (const viewed of this.#viewed.values()) {
      if (!isForAll && !some.has(viewed.userId)) continue
      viewed.isUnsure = true
      this.#run(viewed)
    }
  }

  /** Resolves when the journals tell all that was told so far. */
  async settle(): Promise<void> {
    await Promise.all([...this.#viewed.values()].map(({ turn }) => turn))
  }

  #run(viewed: Viewed): void {
    if (viewed.isRunning || this.#closing.signal.aborted) return
    viewed.isRunning = true
    viewed.turn = this.#writeAll(viewed).catch((error: unknown) => {
      if (this.#closing.signal.aborted) return
      this.#needs.logger.error({ err: error }, 'the journal of device lists was not written')
      Object.assign(viewed, { isUnsure: true, positions: undefined })
      this.#needs.clock.after(retryMs, () => this.#run(viewed))
    })
  }

  async #writeAll(viewed: Viewed): Promise<void> {
    try {
      while (viewed.isUnsure && viewed.isHere && !this.#closing.signal.aborted) {
        await this.#pause(viewed.lookedAt + gatherMs - this.#needs.clock.elapsed())
        viewed.isUnsure = false
        await this.#goOn(viewed)
        viewed.lookedAt = this.#needs.clock.elapsed()
      }
    } finally {
      // In the turn in which it was seen that nothing is left to do.
      viewed.isRunning = false
      if (!viewed.isHere) this.#viewed.delete(viewed.userId)
    }
  }

  async #goOn(viewed: Viewed): Promise<void> {
    const { db, live, readDeviceLists } = this.#needs
    const { userId } = viewed
    viewed.positions ??= await readJournalPositions(db, userId)
    const upTo = db.position
    const last = viewed.positions.at(-1)
    if (last === undefined || last > upTo || upTo - last > journalLimits.positions) return this.#beginAnew(viewed, upTo)
    if (last === upTo) return
    const { changed, left } = await readDeviceLists(userId, Math.max(last, viewed.checked), upTo)
    const count = changed.length + left.length
    if (count > journalLimits.users) return this.#beginAnew(viewed, upTo)
    viewed.checked = upTo
    if (count === 0 && upTo - last < quietPositions) return
    const row: DeviceListChangesRow = { user_id: userId, since: last, position: upTo, changed, left }
    const kept = [...viewed.positions, upTo]
    const old = kept.splice(0, Math.max(0, kept.length - journalLimits.rows))
    await live.writeLive([setJournalRow(row), ...old.map((position) => deleteJournalRow(userId, position))])
    viewed.positions = kept
  }

  async #beginAnew(viewed: Viewed, position: number): Promise<void> {
    const { userId, positions = [] } = viewed
    const old = positions.filter((each) => each !== position)
    const row = { user_id: userId, since: position, position, changed: [], left: [] }
    await this.#needs.live.writeLive([setJournalRow(row), ...old.map((each) => deleteJournalRow(userId, each))])
    Object.assign(viewed, { positions: [position], checked: position })
  }

  #pause(ms: number): Promise<void> | undefined {
    if (ms <= 0) return undefined
    const { signal } = this.#closing
    return new Promise<void>((resolve) => {
      const timer = this.#needs.clock.after(ms, resolve)
      signal.addEventListener('abort', () => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** The user's own rooms are looked at later; here it is only what can be nothing to anybody that is left out. */
function mayMatterToAll(change: Change): boolean {
  if (change.kind === 'device_list') return change.onlyFor === undefined
  if (change.kind === 'event') return change.type === 'm.room.member' && change.isCurrentState && !change.historical
  return change.kind === 'state'
}
