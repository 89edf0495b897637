/**
 * Tells other servers what changed of our users' devices and keys: each server that shares a room with the user, in order, by EDUs
 * that must arrive.
 *
 * It follows the changes that are durable by a mark of its own, which moves in the transaction of the EDUs: so none is left out
 * after a crash, and whoever changes a device waits for nobody. What is told is how things are now; each update names
 * the one before (`prev_id`), whoever has missed one asks for the whole list.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
import {
  type KeyBundle,
  type ReadKeyBundles,
  shownCrossSigningKey,
  shownDeviceKeys,
} from '../encryption/key-bundles.js'
import type { Edu } from '../events/edu.js'
import type { Clock, Timer } from '../kernel/clock.js'
import { type DeviceId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import type { DeviceListChangeRow } from '../store/device-key-store.js'
import {
  readDeviceListMark,
  readDeviceListRows,
  readStreamId,
  setDeviceListMark,
  setStreamId,
} from '../store/device-stream-store.js'
import { readDeviceIds } from '../store/device-sync-store.js'
import type { Database } from '../store/reader.js'
import type { Change } from '../store/writes.js'
import { addressEdus } from './lasting-edus.js'
import type { IsServerAllowed } from './server-policy.js'

type Needs = {
  db: Database
  clock: Clock
  log: Pick<Logger, 'error'>
  serverName: ServerName
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readServers'>
  readKeyBundles: ReadKeyBundles
  isServerAllowed: IsServerAllowed
}

export type DeviceListSender = {
  start(): Promise<void>
  onChanges(changes: readonly Change[]): void
  close(): Promise<void>
}

const rowsAtOnce = 100
const afterErrorMs = 5_000
/** Updates that one change may make: each has a stream ID of its own, in the order of the changes. */
const updatesPerChange = 64

export function makeDeviceListSender(needs: Needs): DeviceListSender {
  const { db, clock, rooms, serverName } = needs
  let mark: number | undefined
  let running: Promise<void> | undefined
  let timer: Timer | undefined
  let isClosed = false

  async function serversOf(userId: UserId): Promise<ServerName[]> {
    const servers = new Set<ServerName>()
    for (const { roomId, membership } of (await rooms.membershipsOf(userId)).values()) {
      const room = membership === 'join' ? await rooms.get(roomId) : undefined
      if (room) for (const server of (await rooms.readServers(room)).keys()) servers.add(server)
    }
    servers.delete(serverName)
    return [...servers].filter(needs.isServerAllowed)
  }

  async function tell({ position, user_id: userId, device_ids: deviceIds = [] }: DeviceListChangeRow): Promise<void> {
    const [servers, bundles, devices] = await Promise.all([
      serversOf(userId),
      needs.readKeyBundles([userId]),
      readDeviceIds(db, [userId]),
    ])
    const bundle = bundles.get(userId)!
    const there = new Set(devices.get(userId))
    let streamId = await readStreamId(db, userId)
    const edus: Edu[] = deviceIds.length === 0 ? [signingKeyUpdate(userId, bundle)] : []
    for (const [i, deviceId] of deviceIds.slice(0, updatesPerChange).entries()) {
      const prev_id = streamId === 0 ? [] : [streamId]
      streamId = position * updatesPerChange + i
      const update = { user_id: userId, device_id: deviceId, stream_id: streamId, prev_id }
      edus.push({
        edu_type: 'm.device_list_update',
        content: { ...update, ...(there.has(deviceId) ? deviceIn(bundle, deviceId) : { deleted: true }) },
      })
    }
    const addressed = servers.flatMap((destination) => edus.map((edu) => ({ destination, edu })))
    await db.commit((grant) => {
      const { writes, changes } = addressEdus(grant, addressed)
      const told = [setStreamId(userId, streamId), setDeviceListMark(position)]
      return { writes: [...writes, ...told], changes, result: undefined }
    })
  }

  async function work(): Promise<void> {
    while (!isClosed && mark !== undefined && mark < db.position) {
      const upTo = db.position
      const rows = await readDeviceListRows(db, mark, upTo, rowsAtOnce)
      for (const row of rows) {
        if (isClosed) return
        if (serverNameOf(row.user_id) === serverName && row.only_for === undefined) await tell(row)
        mark = row.position
      }
      if (rows.length < rowsAtOnce) mark = upTo
    }
  }

  function wake(): void {
    if (isClosed || running || mark === undefined) return
    timer?.cancel()
    running = work()
      .catch((error: unknown) => {
        needs.log.error({ err: error }, 'changes of devices were not told to other servers; they will be')
        timer = clock.after(afterErrorMs, wake)
      })
      .finally(() => {
        running = undefined
      })
  }

  return {
    async start() {
      mark = await readDeviceListMark(db)
      if (mark === undefined) {
        mark = db.position
        const writes = [setDeviceListMark(mark)]
        await db.commit(() => ({ writes, changes: [], result: undefined }))
      }
      wake()
    },
    onChanges(changes) {
      if (!changes.some((change) => change.kind === 'device_list' && serverNameOf(change.userId) === serverName)) return
      if (running) void running.then(wake)
      else wake()
    },
    async close() {
      isClosed = true
      timer?.cancel()
      await running
    },
  }
}

function deviceIn(bundle: KeyBundle, deviceId: DeviceId) {
  const keys = shownDeviceKeys(bundle, deviceId, undefined)
  const name = bundle.devices.get(deviceId)?.displayName
  return { ...(keys && { keys }), ...(name !== undefined && { device_display_name: name }) }
}

function signingKeyUpdate(userId: UserId, bundle: KeyBundle): Edu {
  const [master, selfSigning] = (['master', 'self_signing'] as const).map((usage) =>
    shownCrossSigningKey(bundle, usage, undefined),
  )
  const keys = { ...(master && { master_key: master }), ...(selfSigning && { self_signing_key: selfSigning }) }
  return { edu_type: 'm.signing_key_update', content: { user_id: userId, ...keys } }
}
