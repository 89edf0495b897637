/** Device keys over HTTP: uploaded, asked for, claimed once. */
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { DeviceIdentity } from '../../support/keys.js'

const query = async (client: TestClient, of: TestClient, devices: string[] = []) =>
  (await client.post('/keys/query', { device_keys: { [of.userId]: devices } })).body
const claim = async (client: TestClient, of: TestClient, algorithm = 'signed_curve25519') => {
  const { body } = await client.post('/keys/claim', { one_time_keys: { [of.userId]: { [of.deviceId]: algorithm } } })
  return body.one_time_keys[of.userId]?.[of.deviceId] as Record<string, object> | undefined
}
const countsIn = async (client: TestClient) => {
  const { body } = await client.get('/sync')
  return [body.device_one_time_keys_count, body.device_unused_fallback_key_types]
}

describe('device keys', async () => {
  const hs = await startHomeserver({ users: ['alice'] })
  let users = 0
  /** A user nobody else's test knows. */
  const newUser = () => hs.register(`user${++users}`, false)
  const alice = hs.as('alice')

  test('are shown as they were uploaded, with the name of the device', async () => {
    const bob = await newUser()
    await bob.put(`/devices/${bob.deviceId}`, { display_name: 'phone' })
    const device = new DeviceIdentity(bob)
    const uploaded = await bob.post('/keys/upload', {
      device_keys: device.deviceKeys,
      one_time_keys: device.oneTimeKeys(3),
      fallback_keys: device.fallbackKey('f'),
    })

    expect(uploaded).toMatchObject({ status: 200, body: { one_time_key_counts: { signed_curve25519: 3 } } })
    expect((await query(alice, bob)).device_keys).toEqual({
      [bob.userId]: { [bob.deviceId]: { ...device.deviceKeys, unsigned: { device_display_name: 'phone' } } },
    })
    expect((await query(alice, bob, ['ANOTHER'])).device_keys).toEqual({ [bob.userId]: {} })
    expect(await countsIn(bob)).toEqual([{ signed_curve25519: 3 }, ['signed_curve25519']])
  })

  test('of a user who has none are an empty list, and what is no user ID is nobody', async () => {
    const bob = await newUser()
    const { body } = await alice.post('/keys/query', { device_keys: { [bob.userId]: [], nobody: [] } })
    expect(body).toMatchObject({ device_keys: { [bob.userId]: {} }, failures: {} })
  })

  test.each([
    ['another user', (own: object) => ({ ...own, user_id: '@alice:test' })],
    ['another device', (own: object) => ({ ...own, device_id: 'ANOTHER' })],
    ['no algorithms', (own: object) => ({ ...own, algorithms: undefined })],
    ['a key that is none', (own: object) => ({ ...own, keys: { 'ed25519:x': 1 } })],
  ])('of %s are refused', async (_, change) => {
    const bob = await newUser()
    const device_keys = change(new DeviceIdentity(bob).deviceKeys)
    expect(await bob.post('/keys/upload', { device_keys })).toMatchObject({
      status: 400,
      body: { errcode: 'M_BAD_JSON' },
    })
    expect((await query(alice, bob)).device_keys).toEqual({ [bob.userId]: {} })
  })

  test('a repeated upload changes nothing and tells nobody', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    const keys = { device_keys: device.deviceKeys, one_time_keys: device.oneTimeKeys(4) }
    await bob.post('/keys/upload', keys)
    const { next_batch } = (await bob.get('/sync')).body

    const again = await bob.post('/keys/upload', keys)
    const [first, second, ...rest] = Object.entries(keys.one_time_keys)
    const more = device.oneTimeKeys(1)
    const overlapping = await bob.post('/keys/upload', {
      one_time_keys: Object.fromEntries([first!, second!, ...Object.entries(more)]),
    })

    expect(again.body).toEqual({ one_time_key_counts: { signed_curve25519: 4 } })
    expect(overlapping.body).toEqual({ one_time_key_counts: { signed_curve25519: 5 } })
    expect(rest).toHaveLength(2)
    expect((await bob.get(`/sync?since=${next_batch}`)).body.device_lists).toBeUndefined()
  })

  test('another key under an ID that is taken is refused, whole; the same one signed anew is not', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    const keys = device.oneTimeKeys(1)
    const [[name, key]] = Object.entries(keys) as [[string, { key: string }]]
    await bob.post('/keys/upload', { one_time_keys: keys })

    const other = { [name]: device.sign({ key: 'b'.repeat(43) }), ...device.oneTimeKeys(1) }
    expect(await bob.post('/keys/upload', { one_time_keys: other })).toMatchObject({
      status: 400,
      body: { errcode: 'M_UNKNOWN' },
    })
    const signedAnew = { [name]: new DeviceIdentity(bob).sign({ key: key.key }) }
    expect((await bob.post('/keys/upload', { one_time_keys: signedAnew })).body.one_time_key_counts).toEqual({
      signed_curve25519: 1,
    })
    expect(await claim(alice, bob)).toEqual(keys)
  })

  test('are claimed in the order of upload, each once; then the fallback key, which is told to be used', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    const [early, late, fallback] = [device.oneTimeKeys(2), device.oneTimeKeys(2), device.fallbackKey('f')]
    await bob.post('/keys/upload', { one_time_keys: late, fallback_keys: fallback })
    await bob.post('/keys/upload', { one_time_keys: early })

    const claimed = [await claim(alice, bob), await claim(alice, bob), await claim(alice, bob), await claim(alice, bob)]
    const names = claimed.flatMap((key) => Object.keys(key ?? {}))

    expect(names.slice(0, 2).sort()).toEqual(Object.keys(late).sort())
    expect(names.slice(2).sort()).toEqual(Object.keys(early).sort())
    expect(await countsIn(bob)).toEqual([{}, ['signed_curve25519']])
    expect([await claim(alice, bob), await claim(alice, bob)]).toEqual([fallback, fallback])
    expect(await countsIn(bob)).toEqual([{}, []])
    await bob.post('/keys/upload', { fallback_keys: fallback })
    expect(await countsIn(bob)).toEqual([{}, []])
    await bob.post('/keys/upload', { fallback_keys: device.fallbackKey('g') })
    expect(await countsIn(bob)).toEqual([{}, ['signed_curve25519']])
  })

  test('what there is none of is left out of the answer', async () => {
    const bob = await newUser()
    const { body } = await alice.post('/keys/claim', {
      one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } },
    })
    expect(body).toEqual({ one_time_keys: {}, failures: {} })
  })

  test('a hundred claims at once get a hundred keys', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    await bob.post('/keys/upload', { one_time_keys: device.oneTimeKeys(100) })

    const claimed = await Promise.all(Array.from({ length: 120 }, () => claim(alice, bob)))

    const names = claimed.flatMap((key) => Object.keys(key ?? {}))
    expect(names).toHaveLength(100)
    expect(new Set(names).size).toBe(100)
  })

  test('a key that was given out does not come back with an upload that is repeated', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    const keys = device.oneTimeKeys(2)
    await bob.post('/keys/upload', { one_time_keys: keys })
    const first = await claim(alice, bob)

    const again = await bob.post('/keys/upload', { one_time_keys: keys })
    const second = await claim(alice, bob)

    expect(again.body.one_time_key_counts).toEqual({ signed_curve25519: 1 })
    expect(Object.keys(second ?? {})).not.toEqual(Object.keys(first ?? {}))
    expect(await claim(alice, bob)).toBeUndefined()
  })

  test('a device that comes with another identity has none of the keys of the one before', async () => {
    const bob = await newUser()
    const [before, after] = [new DeviceIdentity(bob), new DeviceIdentity(bob)]
    await bob.post('/keys/upload', {
      device_keys: before.deviceKeys,
      one_time_keys: before.oneTimeKeys(2),
      fallback_keys: before.fallbackKey('f'),
    })

    const { body } = await bob.post('/keys/upload', {
      device_keys: after.deviceKeys,
      one_time_keys: after.oneTimeKeys(1),
    })

    expect(body.one_time_key_counts).toEqual({ signed_curve25519: 1 })
    expect((await query(alice, bob)).device_keys[bob.userId][bob.deviceId].keys).toEqual(after.deviceKeys.keys)
    await claim(alice, bob)
    expect(await claim(alice, bob)).toBeUndefined()
  })

  test('go with the device, so that a new one of its name begins with nothing', async () => {
    const bob = await newUser()
    const old = new DeviceIdentity(bob)
    await bob.post('/keys/upload', {
      device_keys: old.deviceKeys,
      one_time_keys: old.oneTimeKeys(3),
      fallback_keys: old.fallbackKey('f'),
    })
    await bob.post('/logout')

    const again = await hs.logIn(bob.userId.slice(1, bob.userId.indexOf(':')), { device_id: bob.deviceId })

    expect((await query(alice, bob)).device_keys).toEqual({ [bob.userId]: {} })
    expect(await claim(alice, bob)).toBeUndefined()
    expect(await countsIn(again)).toEqual([{}, []])
    const fresh = new DeviceIdentity(again)
    await again.post('/keys/upload', { one_time_keys: fresh.oneTimeKeys(1) })
    expect(Object.keys((await claim(alice, again)) ?? {})).toHaveLength(1)
  })

  test('a device has no more than a thousand one-time keys', async () => {
    const bob = await newUser()
    const device = new DeviceIdentity(bob)
    expect(await bob.post('/keys/upload', { one_time_keys: device.oneTimeKeys(1_001) })).toMatchObject({
      status: 400,
      body: { errcode: 'M_TOO_LARGE' },
    })
  })

  test('no key is written to the log', async () => {
    const lines: string[] = []
    await using other = await startHomeserver({ users: ['alice'], log: (line) => lines.push(line) })
    const own = other.as('alice')
    const device = new DeviceIdentity(own)
    const keys = device.oneTimeKeys(1)
    await own.post('/keys/upload', { device_keys: device.deviceKeys, one_time_keys: keys })
    await claim(own, own)
    await own.post('/keys/upload', { device_keys: { ...device.deviceKeys, user_id: '@x:y' } })
    const log = lines.join('')
    for (const secret of [
      ...Object.values(device.deviceKeys.keys as object),
      ...Object.values(keys).map(({ key }) => String(key)),
    ])
      expect(log).not.toContain(secret)
  })
})
