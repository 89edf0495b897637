/**
 * A user's devices, as their owner sees and names them. Deleting is a matter of login sessions:
 * `users/login-sessions.ts`.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#device-management
 */
import { deviceListChanged } from '../encryption/device-list-changed.js'
import { notFound } from '../kernel/errors.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { type DeviceRow, readDevice, readDevices, setDevice } from '../store/device-store.js'
import type { Database } from '../store/reader.js'
import type { LoginSessions } from '../users/login-sessions.js'

/** As the spec shows a device. Times in milliseconds since the epoch. */
export type Device = { device_id: DeviceId; display_name: string; last_seen_ip?: string; last_seen_ts?: number }

export type ManageDevices = {
  listDevices(userId: UserId): Promise<Device[]>
  /** The devices with what they call themselves, which is for administrators. */
  readConnections(userId: UserId): Promise<DeviceRow[]>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  readOwnDevice(userId: UserId, deviceId: DeviceId): Promise<Device>
  /** @param displayName undefined removes it. @throws MatrixError 404 `M_NOT_FOUND` */
  renameDevice(userId: UserId, deviceId: DeviceId, displayName: string | undefined): Promise<void>
  /** Of a user of an application service. @returns false for one that was there, and is renamed where a name is given */
  createDevice(userId: UserId, deviceId: DeviceId, displayName: string | undefined): Promise<boolean>
}

const noDevice = () => notFound('You have no such device.')
/** One without a name goes by its ID: some clients refuse the whole list otherwise. */
const toDevice = ({ user_id: _, last_seen_user_agent: __, ...device }: DeviceRow): Device => ({
  ...device,
  display_name: device.display_name ?? device.device_id,
})

type Needs = { db: Database; inTurn: LoginSessions['inTurn'] }

export function makeManageDevices({ db, inTurn }: Needs): ManageDevices {
  async function read(userId: UserId, deviceId: DeviceId): Promise<DeviceRow> {
    const row = await readDevice(db, userId, deviceId)
    if (!row) throw noDevice()
    return row
  }
  async function write(
    userId: UserId,
    deviceId: DeviceId,
    fields: { display_name?: string | undefined },
  ): Promise<void> {
    await db.commit((grant) => {
      const told = deviceListChanged(grant, userId, [deviceId])
      const device = setDevice(userId, deviceId, fields)
      return { writes: [device, ...told.writes], changes: told.changes, result: undefined }
    })
  }
  return {
    listDevices: async (userId) => (await readDevices(db, userId)).map(toDevice),
    readConnections: (userId) => readDevices(db, userId),
    readOwnDevice: async (userId, deviceId) => toDevice(await read(userId, deviceId)),
    // In the account's turn: a device that is deleted meanwhile must not come back for its name.
    renameDevice: (userId, deviceId, displayName) =>
      inTurn(userId, async () => {
        const { display_name } = await read(userId, deviceId)
        if (display_name !== displayName) await write(userId, deviceId, { display_name: displayName })
      }),
    createDevice: (userId, deviceId, displayName) =>
      inTurn(userId, async () => {
        const known = await readDevice(db, userId, deviceId)
        if (!known || (displayName !== undefined && known.display_name !== displayName))
          await write(userId, deviceId, displayName === undefined ? {} : { display_name: displayName })
        return !known
      }),
  }
}
