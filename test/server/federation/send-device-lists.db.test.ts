/** What other servers are told of our users' devices: each change once, in a chain, over restarts. */
import { expect, test, vi } from 'vitest'
import { deviceListChanged } from '../../../server/encryption/device-list-changed.js'
import { makeReadKeyBundles } from '../../../server/encryption/key-bundles.js'
import { makeDeviceListSender } from '../../../server/federation/send-device-lists.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, RoomId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { setDeviceKeys } from '../../../server/store/device-key-store.js'
import { setDevice } from '../../../server/store/device-store.js'
import type { Write } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { DeviceIdentity } from '../../support/keys.js'
import { user } from '../../support/rooms.js'

const alice = user('alice')
const deviceId = 'DEV' as DeviceId

test('each change is told once to every other server, names the one before, and waits for a restart if it must', async () => {
  await using db = await openTestDatabase()
  const room = { roomId: '!r' as RoomId, membership: 'join' }
  const readKeyBundles = makeReadKeyBundles({ db })
  const start = async () => {
    const sender = makeDeviceListSender({
      ...{ db, clock: systemClock, log: silentLogger, serverName: 'hearth.test' as ServerName, readKeyBundles },
      rooms: {
        membershipsOf: async () => new Map([[room.roomId, room]]) as never,
        get: async () => ({}) as never,
        readServers: async () =>
          new Map(['hearth.test', 'b.test', 'c.test', 'denied.test'].map((name) => [name as ServerName, 1])),
      },
      isServerAllowed: (name) => name !== 'denied.test',
    })
    await sender.start()
    const stop = db.onCommitted('send', sender.onChanges)
    return async () => {
      stop()
      await sender.close()
    }
  }
  const change = (userId: UserId, deviceIds: DeviceId[], writes: Write[] = [], onlyFor?: UserId) =>
    db.commit((grant) => {
      const told = deviceListChanged(grant, userId, deviceIds, onlyFor)
      return { writes: [...writes, ...told.writes], changes: told.changes, result: undefined }
    })
  type Told = { destination: string; edu_type: string; content: Record<string, unknown> & { stream_id: number } }
  const told = async (count: number): Promise<Told[]> =>
    vi.waitFor(
      async () => {
        const [rows] = await db.query<[{ destination: string; edu: string }[]]>(
          'SELECT destination, edu, position FROM outbox_message ORDER BY position',
        )
        expect(rows).toHaveLength(count)
        return rows.map(({ destination, edu }) => ({ destination, ...JSON.parse(edu) }))
      },
      { timeout: 10_000, interval: 20 },
    )

  await change(alice, [deviceId]) // from before this server told anybody
  let stop = await start()
  const { deviceKeys } = new DeviceIdentity({ userId: alice, deviceId })
  const keys = setDeviceKeys(alice, deviceId, JSON.stringify(deviceKeys))
  await change(alice, [deviceId], [setDevice(alice, deviceId, { display_name: 'phone' }), keys])
  const first = await told(2)
  expect(first.map(({ destination }) => destination).sort()).toEqual(['b.test', 'c.test'])
  expect(first[0]).toMatchObject({
    edu_type: 'm.device_list_update',
    content: { user_id: alice, device_id: deviceId, prev_id: [], keys: deviceKeys, device_display_name: 'phone' },
  })
  await stop()

  // While nobody listened: one of another server, one that is nobody else's to see, and two that are to be told.
  await change(user('eve', 'b.test'), [deviceId])
  await change(alice, [], [], alice)
  await change(alice, [])
  await change(alice, ['GONE' as DeviceId])
  stop = await start()
  const all = await told(6)
  await stop()
  const [signing, gone] = [all.slice(2, 4), all.slice(4)]
  for (const { edu_type, content } of signing) {
    expect(edu_type).toBe('m.signing_key_update')
    expect(content).toEqual({ user_id: alice })
  }
  for (const { content } of gone)
    expect(content).toEqual({
      ...{ user_id: alice, device_id: 'GONE', deleted: true },
      ...{ stream_id: expect.any(Number), prev_id: [first[0]!.content.stream_id] },
    })

  stop = await start() // nothing is told anew
  await change(alice, [deviceId])
  const last = await told(8)
  expect(last.at(-1)?.content.prev_id).toEqual([gone[0]!.content.stream_id])
  await stop()
})
