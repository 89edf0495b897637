/**
 * The `to_device`, `device_lists` and key counts of /sync.
 *
 * Where each device's messages and everybody's device lists have come to is kept in memory, so that a
 * quiet sync reads nothing; the rows are read when the memory says there are some, and once after a start.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync
 */

import { LRUCache } from 'lru-cache'
import { type JsonObject, stateKeyOf } from '../events/pdu.js'
import type { DeviceId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms } from '../rooms/room.js'
import {
  deleteToDevice,
  type KeyCounts,
  readDeviceListChanges,
  readKeyCounts,
  readToDevice,
} from '../store/device-sync-store.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import type { StreamPosition } from '../store/writes.js'

type Device = { userId: UserId; deviceId: DeviceId }

export type DeviceUpdates = {
  /**
   * Messages for the device up to a position, oldest first. Those that its `since` shows to have arrived
   * are deleted.
   */
  exchangeMessages(device: Device, since: StreamPosition | undefined, upTo: StreamPosition): Promise<JsonObject[]>
  /** Users with whom the device shares a room and whose devices changed, and users it shares no room with any more. */
  readDeviceLists(
    userId: UserId,
    since: StreamPosition,
    upTo: StreamPosition,
    moves: { joined: readonly RoomId[]; left: readonly RoomId[] },
  ): Promise<{ changed: UserId[]; left: UserId[] }>
  readKeyCounts(device: Device): Promise<KeyCounts>
  /** To be told when keys of a device are uploaded or claimed. */
  forgetKeyCounts(device: Device): void
}

const maxDevices = 20_000
/** Changes of device lists kept in memory; an older `since` is answered from the table. */
const maxChanges = 10_000

type Needs = { db: Database; rooms: Pick<Rooms, 'get' | 'sharedRooms'> }

export function makeDeviceUpdates({ db, rooms }: Needs): DeviceUpdates {
  const start = db.position
  /** Position of each device's newest message that is not acknowledged; 0: none. Absent: not known yet. */
  const newest = new LRUCache<string, number>({ max: maxDevices })
  const counts = new LRUCache<string, KeyCounts>({ max: maxDevices })
  let changes: { position: number; userId: UserId }[] = []
  let changesFrom: number = start

  const follow: ByKind = {
    to_device: ({ userId, deviceId, position }) => void newest.set(`${userId} ${deviceId}`, position),
    device_list: ({ userId, position }) => void changes.push({ position, userId }),
    ...{ event: ignore, state: ignore, redaction: ignore, membership: ignore, receipt: ignore },
    ...{ account_data: ignore, profile: ignore },
  }
  db.onCommitted('memory', (committed) => {
    for (const change of committed) treat(follow, change)
    if (changes.length > maxChanges) {
      changesFrom = changes[maxChanges >> 1]?.position ?? changesFrom
      changes = changes.filter(({ position }) => position > changesFrom)
    }
  })

  async function usersChanged(since: number, upTo: number): Promise<UserId[]> {
    if (since < changesFrom) return readDeviceListChanges(db, since, upTo)
    return [
      ...new Set(changes.filter(({ position }) => position > since && position <= upTo).map(({ userId }) => userId)),
    ]
  }

  async function membersOfEncrypted(roomIds: readonly RoomId[]): Promise<Set<UserId>> {
    const users = new Set<UserId>()
    for (const roomId of roomIds) {
      const room = await rooms.get(roomId)
      if (room?.state.has(stateKeyOf('m.room.encryption', '')))
        for (const userId of room.joined.keys()) users.add(userId)
    }
    return users
  }

  const isShared = async (a: UserId, b: UserId) => a === b || (await rooms.sharedRooms(a, b)).length > 0

  return {
    async exchangeMessages(device, since = 0 as StreamPosition, upTo) {
      const key = keyOf(device)
      const last = newest.get(key)
      if (last === 0) return []
      const rows = await readToDevice(db, device.userId, device.deviceId, upTo)
      const waiting = rows.filter(({ position }) => position > since)
      if (waiting.length < rows.length)
        await db.commit(() => ({
          writes: [deleteToDevice(device.userId, device.deviceId, since)],
          changes: [],
          result: undefined,
        }))
      // Unless another one came while we read.
      if (waiting.length === 0 && newest.get(key) === last && (last ?? 0) <= upTo) newest.set(key, 0)
      return waiting.map(({ sender, type, content }) => ({ sender, type, content: JSON.parse(content) }))
    },
    async readDeviceLists(userId, since, upTo, { joined, left }) {
      const changed = new Set<UserId>()
      for (const other of await usersChanged(since, upTo)) if (await isShared(userId, other)) changed.add(other)
      for (const other of await membersOfEncrypted(joined)) if (other !== userId) changed.add(other)
      const gone: UserId[] = []
      for (const other of await membersOfEncrypted(left)) if (!(await isShared(userId, other))) gone.push(other)
      return { changed: [...changed], left: gone }
    },
    async readKeyCounts(device) {
      const key = keyOf(device)
      const known = counts.get(key)
      if (known) return known
      const read = await readKeyCounts(db, device.userId, device.deviceId)
      counts.set(key, read)
      return read
    },
    forgetKeyCounts: (device) => void counts.delete(keyOf(device)),
  }
}

const keyOf = ({ userId, deviceId }: Device) => `${userId} ${deviceId}`
