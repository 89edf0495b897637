/** Dehydrated devices: left behind, sent to while nobody is there, taken up again. */
import { expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { DeviceIdentity } from '../../support/keys.js'

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const put = (client: TestClient, deviceId: string, more: object = {}) => {
  const device = new DeviceIdentity({ userId: client.userId, deviceId })
  return client.put(path, {
    ...{ device_id: deviceId, device_data: { algorithm: 'x', pickle: 'y' }, initial_device_display_name: 'left' },
    ...{ device_keys: device.deviceKeys, one_time_keys: device.oneTimeKeys(2), fallback_keys: device.fallbackKey('f') },
    ...more,
  })
}
const keysOf = async (client: TestClient) =>
  Object.keys(
    (await client.post('/keys/query', { device_keys: { [client.userId]: [] } })).body.device_keys[client.userId],
  )

test('a device that was left behind is known by its keys, takes messages, and tells them until they are acknowledged', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob'] })
  const [alice, bob] = [hs.as('alice'), hs.as('bob')]
  expect(await alice.get(path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  expect((await put(alice, 'LEFT')).body).toEqual({ device_id: 'LEFT' })

  expect((await alice.get(path)).body).toEqual({ device_id: 'LEFT', device_data: { algorithm: 'x', pickle: 'y' } })
  expect(await keysOf(alice)).toEqual(['LEFT'])
  const claimed = await bob.post('/keys/claim', { one_time_keys: { [alice.userId]: { LEFT: 'signed_curve25519' } } })
  expect(Object.keys(claimed.body.one_time_keys[alice.userId].LEFT)).toHaveLength(1)

  for (let n = 0; n < 120; n++)
    await bob.put(`/sendToDevice/m.test/${n}`, { messages: { [alice.userId]: { LEFT: { n } } } })
  const read = async (next_batch?: string) => {
    const { status, body } = await alice.post(`${path}/LEFT/events`, next_batch === undefined ? {} : { next_batch })
    expect(status).toBe(200)
    return { count: body.events.length, next: body.next_batch as string, first: body.events[0]?.content.n }
  }
  const first = await read()
  const second = await read(first.next)
  const third = await read(second.next)
  expect([first, second, third].map(({ count }) => count)).toEqual([100, 20, 0])
  expect([first.first, second.first]).toEqual([0, 100])
  expect((await read()).count).toBe(0)
  expect((await alice.post(`${path}/OTHER/events`, {})).status).toBe(404)
  expect((await alice.post(`${path}/LEFT/events`, { next_batch: 'x' })).status).toBe(400)
})

test('a new one replaces it, and it can be deleted, by its own path or as any device', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  await put(alice, 'ONE')
  await put(alice, 'TWO')
  expect(await keysOf(alice)).toEqual(['TWO'])
  expect((await put(alice, 'TWO')).status).toBe(200)
  expect(await put(alice, alice.deviceId)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  expect((await put(alice, 'THREE', { device_keys: undefined })).status).toBe(400)

  await put(alice, 'TWO')
  expect((await alice.delete(path)).body).toEqual({ device_id: 'TWO' })
  expect((await alice.get(path)).status).toBe(404)
  expect(await keysOf(alice)).toEqual([])

  await put(alice, 'FOUR')
  const { session } = (await alice.delete('/devices/FOUR', {})).body
  const auth = { type: 'm.login.password', password: 'password of alice', session }
  expect((await alice.delete('/devices/FOUR', { auth })).status).toBe(200)
  expect((await alice.get(path)).status).toBe(404)
})
