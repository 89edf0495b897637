/** A device that never syncs, and what is kept for it. */
import { makeDeliverToDevices } from '../../server/encryption/send-to-device.js'
import type { DeviceId } from '../../server/kernel/identifiers.js'
import { setDevice } from '../../server/store/device-store.js'
import { readToDeviceSizes } from '../../server/store/device-sync-store.js'
import type { Database } from '../../server/store/reader.js'
import type { Write } from '../../server/store/writes.js'
import { inboxLimits, makeToDeviceInbox } from '../../server/sync/to-device-inbox.js'
import { openTestDatabase, silentLogger } from './database.js'
import { user } from './rooms.js'

/**
 * Sends more than may wait.
 *
 * @returns numbers of the messages that are kept, how many are not, and the rows that each transaction deleted
 */
export async function deleteOldest(): Promise<{ kept: number[]; dropped: number; transactions: number[] }> {
  await using real = await openTestDatabase()
  const transactions: number[] = []
  const isDelete = ({ op }: Write) => op === 'delete' || op === 'deleteRange' || op === 'statement'
  const db: Database = Object.create(real, {
    position: { get: () => real.position },
    commit: {
      value: (unit: Parameters<Database['commit']>[0]) =>
        real.commit((grant) => {
          const built = unit(grant)
          transactions.push(built.writes.filter(isDelete).length)
          return built
        }),
    },
  })
  const [sender, bob] = [user('alice'), user('bob')]
  const deviceId = 'DEV' as DeviceId
  await db.commit(() => ({ writes: [setDevice(bob, deviceId, {})], changes: [], result: undefined }))
  const deliver = makeDeliverToDevices({
    db,
    serverName: 'hearth.test' as never,
    inbox: makeToDeviceInbox({ db, log: silentLogger }),
  })
  const sent = inboxLimits.bytes / 64_000 + 20
  for (let n = 0; n < sent; n++)
    await deliver(
      { sender, type: 'm.test', messages: new Map([[bob, new Map([['DEV', { n, text: 'x'.repeat(64_000) }]])]]) },
      () => ({ writes: [], changes: [] }),
    )
  const rows = await readToDeviceSizes(db, bob, deviceId)
  const [kept] = await db.query<[string[]]>('SELECT VALUE content FROM to_device_message')
  const found = kept.map((content) => (JSON.parse(content) as { n: number }).n).sort((a, b) => a - b)
  return { kept: found, dropped: sent - rows.length, transactions }
}
