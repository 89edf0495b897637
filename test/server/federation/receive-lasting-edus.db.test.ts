/** Messages to devices and word of devices from other servers: taken once, for their own users only, bounded. */
import { describe, expect, test } from 'vitest'
import { makeDeliverToDevices } from '../../../server/encryption/send-to-device.js'
import { makeReceiveLastingEdus } from '../../../server/federation/receive-lasting-edus.js'
import type { TakeDeviceUpdates } from '../../../server/federation/remote-device-lists.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { setDevice } from '../../../server/store/device-store.js'
import { makeToDeviceInbox } from '../../../server/sync/to-device-inbox.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { user } from '../../support/rooms.js'

const origin = 'other.test' as ServerName
const [eve, bob] = [user('eve', origin), user('bob')]

const keepNothing: TakeDeviceUpdates = async (_origin, _updates, commit) =>
  void (await commit({ writes: [], durable: () => undefined }))

async function makeReceiver() {
  const db = await openTestDatabase()
  await db.commit(() => ({ writes: [setDevice(bob, 'DEV' as DeviceId, {})], changes: [], result: undefined }))
  const changed: UserId[] = []
  db.onCommitted('memory', (changes) => {
    for (const change of changes) if (change.kind === 'device_list') changed.push(change.userId)
  })
  const receive = makeReceiveLastingEdus({
    ...{ db, clock: systemClock, log: silentLogger },
    deliverToDevices: makeDeliverToDevices({
      ...{ db, serverName: 'hearth.test' as ServerName },
      inbox: makeToDeviceInbox({ db, log: silentLogger }),
    }),
    isShared: async (userId) => userId !== user('stranger', origin),
    takeUpdates: keepNothing,
  })
  const stored = async () =>
    (await db.query<[string[]]>('SELECT VALUE content FROM to_device_message'))[0].map(
      (content) => JSON.parse(content).n,
    )
  return Object.assign({ db, changed, receive, stored }, { [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() })
}

const message = (n: number, more: object = {}) => ({
  edu_type: 'm.direct_to_device',
  content: { sender: eve, type: 'm.test', message_id: `m${n}`, messages: { [bob]: { DEV: { n } } }, ...more },
})
const update = (user_id: string, more: object = {}) => ({
  edu_type: 'm.device_list_update',
  content: { user_id, device_id: 'D', stream_id: 1, prev_id: [], ...more },
})

describe('lasting EDUs', () => {
  test('a message that comes again, at once or later, is taken once; the same ID of another server is another', async () => {
    await using world = await makeReceiver()
    await Promise.all([world.receive(origin, [message(1), message(1)]), world.receive(origin, [message(1)])])
    await world.receive(origin, [message(1), message(2)])
    const third = 'third.test' as ServerName
    await world.receive(third, [message(1, { sender: user('x', third), messages: { [bob]: { DEV: { n: 3 } } } })])
    expect(await world.stored()).toEqual([1, 2, 3])
  })

  test.each([
    ['of a user of another server', { sender: user('x', 'third.test') }],
    ['of one of ours', { sender: bob }],
    ['without a type', { type: 7 }],
    ['without an ID', { message_id: undefined }],
    ['with an endless ID', { message_id: 'x'.repeat(300) }],
    [
      'for thousands of devices',
      { messages: { [bob]: Object.fromEntries(Array.from({ length: 2_001 }, (_, i) => [i, {}])) } },
    ],
    ['for a device that is not there', { messages: { [bob]: { OTHER: {} } } }],
    ['that is far too long', { messages: { [bob]: { DEV: { text: 'x'.repeat(70_000) } } } }],
    ['for users who are none', { messages: { nobody: { DEV: {} }, [user('x', 'third.test')]: { DEV: {} } } }],
  ])('a message %s is dropped, and what comes with it is not', async (_, more) => {
    await using world = await makeReceiver()
    await world.receive(origin, [message(1, more), null, 7, { edu_type: 'm.direct_to_device' }, message(2)])
    expect(await world.stored()).toEqual([2])
  })

  test('word of devices counts for users of that server who share a room, once for each transaction', async () => {
    await using world = await makeReceiver()
    const keys = { edu_type: 'm.signing_key_update', content: { user_id: eve } }
    const edus = [
      update(eve),
      update(eve, { device_id: 'E' }),
      keys,
      update(bob),
      update(user('x', 'third.test')),
      update(user('stranger', origin)),
      update('nobody'),
    ]
    await world.receive(origin, edus)
    expect(world.changed).toEqual([eve])
    const [rows] = await world.db.query<[{ device_ids: string[] }[]]>('SELECT device_ids FROM device_list_change')
    expect(rows).toEqual([{ device_ids: ['D', 'E'] }])
  })

  test('where it cannot be kept the transaction is not answered', async () => {
    await using world = await makeReceiver()
    const failing = makeReceiveLastingEdus({
      ...{ db: world.db, clock: systemClock, log: silentLogger, takeUpdates: keepNothing, isShared: async () => true },
      deliverToDevices: async () => {
        throw new Error('the disk is full')
      },
    })
    await expect(failing(origin, [message(1)])).rejects.toThrow('the disk is full')
  })
})
