/** Claims keys of one device and says which, until the process is killed. */
import { startEncryption } from '../../../../server/encryption/start-encryption.js'
import { systemClock } from '../../../../server/kernel/clock.js'
import { createLogger } from '../../../../server/kernel/logger.js'
import { makeKeyedLock } from '../../../../server/rooms/keyed-lock.js'
import { openDatabase } from '../../../../server/store/database.js'
import { setDevice } from '../../../../server/store/device-store.js'
import type { Say } from '../../../support/child.js'
import { DeviceIdentity } from '../../../support/keys.js'
import { user } from '../../../support/rooms.js'

const userId = user('bob')
const deviceId = 'DEV' as never

export async function main({ dir, upload }: { dir: string; upload: number }, say: Say): Promise<void> {
  const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: createLogger('silent') })
  const { operations } = await startEncryption({
    ...{
      db,
      clock: systemClock,
      serverName: 'hearth.test' as never,
      sessions: { inTurn: makeKeyedLock(), deleteDevices: async () => undefined },
      isPutBack: false,
    },
    askForKeys: async () => ({ device_keys: {}, master_keys: {}, self_signing_keys: {}, failures: {} }),
    claimRemoteKeys: async () => ({ one_time_keys: {}, failures: {} }),
    addressServers: () => () => ({ writes: [], changes: [] }),
    inbox: { keepWithin: async () => undefined, exchange: async () => ({ messages: [] }) },
  })
  if (upload > 0) {
    await db.commit(() => ({ writes: [setDevice(userId, deviceId, {})], changes: [], result: undefined }))
    const keys = new DeviceIdentity({ userId, deviceId }).oneTimeKeys(upload) as never
    await operations.uploadKeys({ userId, deviceId }, { one_time_keys: keys })
  }
  say({ started: true })
  const lane = async () => {
    for (;;) {
      const claimed = await operations.claimLocalKeys(new Map([[userId, new Map([[deviceId, 'signed_curve25519']])]]))
      const [name] = Object.keys(claimed[userId]?.[deviceId] ?? {})
      say({ name: name ?? null })
      if (!name) return
    }
  }
  await Promise.all(Array.from({ length: 10 }, lane))
  await new Promise(() => setInterval(() => undefined, 1_000)) // until it is killed
}
