/**
 * `to_device` and `device_key_counts`: what the server keeps for a device, as that device reads it.
 *
 * The rows of a device are there while it looks, and are worked out from what is the case: so nothing is written for a device that is
 * away, and nothing has to be remembered over a restart. Of its messages the oldest are there, bounded in number and size; when they are
 * acknowledged, the next follow. Each device has a turn of its own in which its rows are written, in the order of the messages: who
 * reads the range at any time sees the oldest without a gap.
 */
import type { Clock } from '../../kernel/clock.js'
import type { DeviceId, UserId } from '../../kernel/identifiers.js'
import type { DeviceKeyCountsRow, ToDeviceRow as LiveToDeviceRow } from '../../kernel/live-rows.js'
import type { Logger } from '../../kernel/logger.js'
import { type KeyCounts, readToDevice, type ToDeviceRow } from '../../store/device-sync-store.js'
import type { LiveTables } from '../../store/live.js'
import type { Database } from '../../store/reader.js'
import { type Change, deleteRow, upsertRow, type Write } from '../../store/writes.js'
import type { Device, ToDeviceInbox } from '../../sync/to-device-inbox.js'

export type DeviceRowsNeeds = {
  db: Database
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  inbox: Pick<ToDeviceInbox, 'onDeleted'>
  readKeyCounts(device: Device): Promise<KeyCounts>
  clock: Clock
  logger: Logger
}

/** Of one device that are there at once: messages, and characters of their content. */
export const toDeviceWindow = { count: 500, characters: 4_000_000 }
const readAtOnce = 100
/** With more than so many, all but the last go in silently: it says that there is more. */
const fewRows = 8
const retryMs = 1_000

type Viewed = {
  device: Device
  /** Messages that have a row, oldest first. */
  rows: { position: number; size: number }[]
  /** Messages that were deleted, and may have a row. */
  deleted: Set<number>
  hasNewMessages: boolean
  hasNewCounts: boolean
  /** As they were written last. */
  counts: string | undefined
  /** The device looks no more, and its rows are to go. */
  isLeaving: boolean
  /** A write failed: what is in the tables is not known. */
  isUnsure: boolean
  turn: Promise<void>
  isRunning: boolean
}

const keyOf = ({ userId, deviceId }: { userId: UserId; deviceId: DeviceId }) => JSON.stringify([userId, deviceId])

export class DeviceRows {
  readonly #needs: DeviceRowsNeeds
  readonly #viewed = new Map<string, Viewed>()
  readonly #closing = new AbortController()
  #stopListening: (() => void) | undefined

  constructor(needs: DeviceRowsNeeds) {
    this.#needs = needs
  }

  /** Nobody looks yet: what the last run wrote is taken away. */
  async start(): Promise<void> {
    const { live, inbox } = this.#needs
    for (const table of ['to_device', 'device_key_counts']) await live.empty(table, this.#closing.signal)
    this.#stopListening = inbox.onDeleted((device, positions) => {
      const viewed = this.#viewed.get(keyOf(device))
      if (!viewed) return
      for (const position of positions) viewed.deleted.add(position)
      this.#run(viewed)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#stopListening?.()
    await Promise.all([...this.#viewed.values()].map(({ turn }) => turn))
  }

  /** The device asks for its rows; resolves when they are there. */
  open(device: Device): Promise<void> {
    const viewed: Viewed = this.#viewed.get(keyOf(device)) ?? {
      ...{ device, rows: [], deleted: new Set(), counts: undefined, turn: Promise.resolve(), isRunning: false },
      ...{ hasNewMessages: true, hasNewCounts: true, isLeaving: false, isUnsure: false },
    }
    this.#viewed.set(keyOf(device), viewed)
    viewed.isLeaving = false
    this.#run(viewed)
    return viewed.turn
  }

  /** The last channel of the device is closed. */
  go(device: Device): void {
    const viewed = this.#viewed.get(keyOf(device))
    if (!viewed) return
    viewed.isLeaving = true
    this.#run(viewed)
  }

  /** To be given every change in stream order. */
  hear(changes: readonly Change[]): void {
    if (this.#viewed.size === 0) return
    const touched = new Set<Viewed>()
    for (const change of changes) {
      if (change.kind !== 'to_device' && change.kind !== 'key_counts') continue
      const viewed = this.#viewed.get(keyOf(change))
      if (!viewed) continue
      if (change.kind === 'to_device') viewed.hasNewMessages = true
      else viewed.hasNewCounts = true
      touched.add(viewed)
    }
    for (const viewed of touched) this.#run(viewed)
  }

  /** Resolves when the rows are what they should be of all that was told so far. */
  async settle(): Promise<void> {
    await Promise.all([...this.#viewed.values()].map(({ turn }) => turn))
  }

  #run(viewed: Viewed): void {
    if (viewed.isRunning || this.#closing.signal.aborted) return
    viewed.isRunning = true
    viewed.turn = this.#writeAll(viewed).catch((error: unknown) => {
      if (this.#closing.signal.aborted) return
      this.#needs.logger.error({ err: error, device: viewed.device.deviceId }, 'rows of a device were not written')
      viewed.isUnsure = true
      this.#needs.clock.after(retryMs, () => this.#run(viewed))
    })
  }

  async #writeAll(viewed: Viewed): Promise<void> {
    try {
      while (!this.#closing.signal.aborted) {
        if (viewed.isLeaving) {
          await this.#deleteRows(viewed)
          if (!viewed.isLeaving) continue // it came back meanwhile
          this.#viewed.delete(keyOf(viewed.device))
          return
        }
        if (viewed.isUnsure) await this.#deleteRows(viewed)
        else if (viewed.deleted.size > 0) await this.#deleteMessages(viewed)
        else if (viewed.hasNewCounts) await this.#writeCounts(viewed)
        else if (viewed.hasNewMessages) await this.#writeMessages(viewed)
        else return
      }
    } finally {
      // In the turn in which it was seen that nothing is left to do.
      viewed.isRunning = false
    }
  }

  async #deleteRows(viewed: Viewed): Promise<void> {
    const id = [viewed.device.userId, viewed.device.deviceId]
    const range = { from: [...id, 0], to: [...id, Number.MAX_SAFE_INTEGER] }
    const writes: Write[] = [{ op: 'deleteRange', table: 'to_device', ...range }, deleteRow('device_key_counts', id)]
    viewed.isUnsure = true
    await this.#needs.live.writeLive(writes, { silent: true })
    Object.assign(viewed, { rows: [], deleted: new Set(), counts: undefined })
    Object.assign(viewed, { isUnsure: false, hasNewMessages: true, hasNewCounts: true })
  }

  async #deleteMessages(viewed: Viewed): Promise<void> {
    const { device, rows, deleted } = viewed
    viewed.deleted = new Set()
    const gone = rows.filter(({ position }) => deleted.has(position))
    if (gone.length === 0) return
    const writes = gone.map(({ position }) => deleteRow('to_device', [device.userId, device.deviceId, position]))
    await this.#needs.live.writeLive(writes, { silent: true })
    viewed.rows = rows.filter(({ position }) => !deleted.has(position))
    viewed.hasNewMessages = true // there may be room for more
  }

  async #writeCounts(viewed: Viewed): Promise<void> {
    const { db, live, readKeyCounts } = this.#needs
    const { userId, deviceId } = viewed.device
    viewed.hasNewCounts = false
    const { position } = db
    const { oneTimeKeys, unusedFallbackKeys } = await readKeyCounts(viewed.device)
    const counts = JSON.stringify([oneTimeKeys, unusedFallbackKeys])
    if (counts === viewed.counts) return
    const row: DeviceKeyCountsRow = {
      ...{ user_id: userId, device_id: deviceId, position },
      ...{ one_time_key_counts: oneTimeKeys, unused_fallback_key_types: unusedFallbackKeys },
    }
    await live.writeLive([upsertRow('device_key_counts', { id: [userId, deviceId], ...row })])
    viewed.counts = counts
  }

  async #writeMessages(viewed: Viewed): Promise<void> {
    const { db, live } = this.#needs
    const { userId, deviceId } = viewed.device
    const limit = Math.min(readAtOnce, toDeviceWindow.count - viewed.rows.length)
    const space = toDeviceWindow.characters - viewed.rows.reduce((sum, { size }) => sum + size, 0)
    viewed.hasNewMessages = false
    if (limit <= 0 || space <= 0) return
    const after = viewed.rows.at(-1)?.position ?? 0
    const read = await readToDevice(db, userId, deviceId, { after, upTo: Number.MAX_SAFE_INTEGER - 1, limit })
    const fitting = firstThatFit(read, space)
    if (fitting.length === 0) return
    const writes = fitting.map((row) => toWrite(viewed.device, row))
    const silent = writes.length > fewRows ? writes.splice(0, writes.length - 1) : []
    if (silent.length > 0) await live.writeLive(silent, { silent: true })
    await live.writeLive(writes)
    viewed.rows.push(...fitting.map(({ position, content }) => ({ position, size: content.length })))
    if (fitting.length === limit) viewed.hasNewMessages = true
  }
}

/** A single one always fits, however large. */
function firstThatFit(rows: readonly ToDeviceRow[], space: number): ToDeviceRow[] {
  let left = space
  const count = rows.findIndex(({ content }) => {
    const isFull = left <= 0
    left -= content.length
    return isFull
  })
  return rows.slice(0, count < 0 ? rows.length : count)
}

function toWrite({ userId, deviceId }: Device, { position, sender, type, content }: ToDeviceRow): Write {
  const row: LiveToDeviceRow = { user_id: userId, device_id: deviceId, position, sender, type, content }
  return upsertRow('to_device', { id: [userId, deviceId, position], ...row })
}
