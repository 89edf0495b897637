/**
 * Messages to the devices of this server's users, from when they are durable until a later sync shows that they arrived.
 *
 * How far each device's messages have come is kept in memory, so that a quiet sync reads nothing. An answer carries at most
 * `batchLimit`; the token says how far it went. What waits for one device is bounded in number and in size: beyond that
 * the oldest are dropped, for a device that never syncs would be kept for ever. Nothing is deleted by a range: the rows of
 * a transaction are counted.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync
 */
import { LRUCache } from 'lru-cache'
import type { JsonObject } from '../events/pdu.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { countToDevice, deleteToDevice, readToDevice, readToDeviceSizes } from '../store/device-sync-store.js'
import type { Database } from '../store/reader.js'
import { inPieces } from '../store/write-size.js'

export type Device = { userId: UserId; deviceId: DeviceId }

/** `position` in the stream: what to acknowledge it by. */
export type ToDeviceMessage = { position: number; sender: UserId; type: string; content: JsonObject }

type DeletedListener = (device: Device, positions: readonly number[]) => void

export type ToDeviceInbox = {
  /**
   * Messages for the device after one position and up to another, oldest first, no more than fit into an answer. Those
   * up to `acknowledged` have arrived and are deleted.
   *
   * @returns `upTo`: the position of the last message, where there may be more
   */
  exchange(
    device: Device,
    acknowledged: number,
    upTo: number,
    limit?: number,
  ): Promise<{ messages: ToDeviceMessage[]; upTo?: number }>
  /** Deletes what has arrived. @returns false, and nothing is deleted, for a position that is still to come */
  acknowledge(device: Device, upTo: number): Promise<boolean>
  /** Whether there certainly is nothing; from memory alone. */
  isEmpty(device: Device): boolean
  /** Drops the oldest messages of a device that has too many. */
  keepWithin(device: Device): Promise<void>
  /** Tells of messages that were deleted, by their positions. @returns a function that ends it */
  onDeleted(listener: DeletedListener): () => void
}

export const batchLimit = 100
/** What may wait for one device: messages, and characters of their content. */
export const inboxLimits = { count: 10_000, bytes: 32_000_000 }
/** To so much it is cut back, so that it is not for every further message. */
const cutBackTo = 0.9
const maxDevices = 20_000

type Known = {
  /** Of the newest message that is not acknowledged; 0: none. Undefined: not known yet. */
  newest: number | undefined
  size?: { count: number; bytes: number }
}

type Needs = { db: Database; log: Pick<Logger, 'info'> }

export function makeToDeviceInbox({ db, log }: Needs): ToDeviceInbox {
  const known = new LRUCache<string, Known>({ max: maxDevices })
  const listeners = new Set<DeletedListener>()

  db.onCommitted('memory', (changes) => {
    for (const change of changes) {
      if (change.kind !== 'to_device') continue
      const of = knownOf(change)
      of.newest = change.position
      if (of.size) of.size = { count: of.size.count + 1, bytes: of.size.bytes + change.size }
    }
  })

  function knownOf({ userId, deviceId }: Device): Known {
    const key = JSON.stringify([userId, deviceId])
    const of = known.get(key) ?? { newest: undefined }
    known.set(key, of)
    return of
  }

  async function deleteAll({ userId, deviceId }: Device, rows: readonly { position: number; size: number }[]) {
    for (const writes of inPieces(rows.map(({ position }) => deleteToDevice(userId, deviceId, position))))
      await db.commit(() => ({ writes, changes: [], result: undefined }))
    const positions = rows.map(({ position }) => position)
    for (const listener of listeners) listener({ userId, deviceId }, positions)
    const of = knownOf({ userId, deviceId })
    if (!of.size) return
    const bytes = rows.reduce((sum, { size }) => sum + size, 0)
    of.size = { count: Math.max(0, of.size.count - rows.length), bytes: Math.max(0, of.size.bytes - bytes) }
  }

  async function acknowledge(device: Device, upTo: number): Promise<void> {
    if (upTo <= 0 || knownOf(device).newest === 0) return
    const arrived = await readToDeviceSizes(db, device.userId, device.deviceId, upTo)
    if (arrived.length > 0) await deleteAll(device, arrived)
  }

  return {
    async acknowledge(device, upTo) {
      if (upTo > db.position) return false
      await acknowledge(device, upTo)
      return true
    },
    onDeleted(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    isEmpty: (device) => knownOf(device).newest === 0,
    async exchange(device, acknowledged, upTo, limit = batchLimit) {
      const of = knownOf(device)
      const last = of.newest
      if (last === 0) return { messages: [] }
      const [rows] = await Promise.all([
        readToDevice(db, device.userId, device.deviceId, { after: acknowledged, upTo, limit: limit + 1 }),
        acknowledge(device, acknowledged),
      ])
      // Unless another one came while we read.
      if (rows.length === 0 && of.newest === last && (last ?? 0) <= upTo) of.newest = 0
      const messages = rows.slice(0, limit).map(({ content, ...row }) => ({ ...row, content: JSON.parse(content) }))
      return rows.length > limit ? { messages, upTo: messages.at(-1)?.position ?? acknowledged } : { messages }
    },
    async keepWithin(device) {
      const of = knownOf(device)
      of.size ??= await countToDevice(db, device.userId, device.deviceId)
      const isFull = of.size.count > inboxLimits.count || of.size.bytes > inboxLimits.bytes
      if (!isFull) return
      const rows = await readToDeviceSizes(db, device.userId, device.deviceId)
      let count = rows.length
      let bytes = rows.reduce((sum, { size }) => sum + size, 0)
      of.size = { count, bytes } // counted anew: what was added up may be off by what came in between
      const dropped: typeof rows = []
      for (const row of rows) {
        if (count <= inboxLimits.count * cutBackTo && bytes <= inboxLimits.bytes * cutBackTo) break
        dropped.push(row)
        count -= 1
        bytes -= row.size
      }
      if (dropped.length === 0) return
      await deleteAll(device, dropped)
      log.info(
        { user: device.userId, device: device.deviceId, dropped: dropped.length },
        'messages to a device were dropped',
      )
    },
  }
}
