/**
 * A dehydrated device: keys to which messages can be sent while the user is logged in nowhere, kept with what the client needs
 * to become that device again, encrypted by it. A user has one at most; a new one replaces it.
 *
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
import type { JsonObject } from '../events/pdu.js'
import { badJson, invalidParam, MatrixError, notFound } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import {
  deleteDehydratedDevice,
  readDehydratedDevice,
  readDevice,
  setDehydratedDevice,
  setDevice,
} from '../store/device-store.js'
import type { Database } from '../store/reader.js'
import type { ToDeviceInbox, ToDeviceMessage } from '../sync/to-device-inbox.js'
import type { LoginSessions } from '../users/login-sessions.js'
import { deviceListChanged } from './device-list-changed.js'
import type { UploadedKeys, UploadKeys } from './upload-keys.js'

export type NewDehydratedDevice = UploadedKeys & {
  device_id: DeviceId
  device_data: JsonObject
  initial_device_display_name?: string | undefined
}

export type DehydratedDevices = {
  /** @throws MatrixError 400 for a device that is there already and is none of these */
  putDehydratedDevice(userId: UserId, device: NewDehydratedDevice): Promise<void>
  /** @throws MatrixError 404 where there is none */
  readDehydratedDevice(userId: UserId): Promise<{ device_id: DeviceId; device_data: JsonObject }>
  deleteDehydratedDevice(userId: UserId): Promise<DeviceId>
  /** The next messages to it; those before `nextBatch` have arrived. */
  readDehydratedEvents(
    userId: UserId,
    deviceId: DeviceId,
    nextBatch: string | undefined,
  ): Promise<{ events: Omit<ToDeviceMessage, 'position'>[]; next_batch: string }>
}

const maxDataLength = 262_144

type Needs = {
  db: Database
  inbox: Pick<ToDeviceInbox, 'exchange'>
  uploadKeys: UploadKeys
  sessions: Pick<LoginSessions, 'inTurn' | 'deleteDevices'>
}

export function makeDehydratedDevices({ db, inbox, uploadKeys, sessions }: Needs): DehydratedDevices {
  async function find(userId: UserId): Promise<{ device_id: DeviceId; data: string }> {
    const found = await readDehydratedDevice(db, userId)
    if (!found) throw notFound('There is no dehydrated device.')
    return found
  }

  return {
    async putDehydratedDevice(userId, { device_id: deviceId, device_data, initial_device_display_name, ...keys }) {
      const data = JSON.stringify(device_data)
      if (data.length > maxDataLength) throw new MatrixError(413, 'M_TOO_LARGE', 'The data of the device are too long.')
      if (!keys.device_keys) throw badJson('A dehydrated device has keys.')
      const before = await readDehydratedDevice(db, userId)
      const checkFree = async () => {
        if (await readDevice(db, userId, deviceId)) throw invalidParam('You have a device of that ID already.')
      }
      if (before?.device_id !== deviceId) await checkFree()
      if (before) await sessions.deleteDevices(userId, [before.device_id])
      await sessions.inTurn(userId, async () => {
        await checkFree()
        const writes = [
          setDevice(userId, deviceId, { display_name: initial_device_display_name }),
          setDehydratedDevice(userId, deviceId, data),
        ]
        await db.commit((grant) => {
          const told = deviceListChanged(grant, userId, [deviceId])
          return { writes: [...writes, ...told.writes], changes: told.changes, result: undefined }
        })
      })
      await uploadKeys({ userId, deviceId }, keys)
    },
    async readDehydratedDevice(userId) {
      const { device_id, data } = await find(userId)
      return { device_id, device_data: JSON.parse(data) }
    },
    async deleteDehydratedDevice(userId) {
      const { device_id } = await find(userId)
      await sessions.deleteDevices(userId, [device_id])
      await db.commit(() => ({ writes: [deleteDehydratedDevice(userId, device_id)], changes: [], result: undefined }))
      return device_id
    },
    async readDehydratedEvents(userId, deviceId, nextBatch) {
      if ((await find(userId)).device_id !== deviceId) throw notFound('That is not your dehydrated device.')
      const after = nextBatch === undefined ? 0 : positionIn(nextBatch)
      const { position } = db
      if (after > position) throw invalidParam('next_batch is not a token of this server.')
      const { messages, upTo } = await inbox.exchange({ userId, deviceId }, after, position)
      return {
        events: messages.map(({ position: _, ...event }) => event),
        next_batch: `d1_${upTo ?? position}`,
      }
    },
  }
}

/** @throws MatrixError 400 */
function positionIn(token: string): number {
  const digits = /^d1_(\d{1,16})$/.exec(token)?.[1]
  if (digits === undefined) throw invalidParam('next_batch is not a token of this server.')
  return Number(digits)
}
