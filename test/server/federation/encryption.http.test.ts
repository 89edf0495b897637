/** Encryption between two whole homeservers over TLS: keys asked for and claimed, messages both ways, changes told. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type FederatingHomeservers, startFederatingHomeservers } from '../../support/federating-homeservers.js'
import type { TestClient } from '../../support/homeserver.js'
import { CrossSigningIdentity, DeviceIdentity } from '../../support/keys.js'

const patient = { timeout: 15_000, interval: 50 }
const query = async (client: TestClient, of: TestClient) =>
  (await client.post('/keys/query', { device_keys: { [of.userId]: [] } })).body
const claim = async (client: TestClient, of: TestClient) => {
  const wanted = { [of.userId]: { [of.deviceId]: 'signed_curve25519' } }
  return (await client.post('/keys/claim', { one_time_keys: wanted })).body.one_time_keys[of.userId]?.[of.deviceId]
}
let txns = 0
const send = (client: TestClient, to: TestClient, content: object, device = to.deviceId) =>
  client.put(`/sendToDevice/m.test/t${++txns}`, { messages: { [to.userId]: { [device]: content } } })

describe('encryption over federation', { timeout: 60_000 }, () => {
  let world: FederatingHomeservers
  let alice: TestClient
  let bob: TestClient
  beforeAll(async () => {
    world = await startFederatingHomeservers(['alice'], ['bob'])
    const [a, b] = world.servers
    alice = a!.as('alice')
    bob = b!.as('bob')
  }, 60_000)
  afterAll(() => world?.[Symbol.asyncDispose]())

  /** Waits for /sync to tell of the other's devices. */
  async function toldOf(client: TestClient, other: TestClient, since: string): Promise<string> {
    let token = since
    await vi.waitFor(async () => {
      const { body } = await client.get(`/sync?since=${token}&timeout=1000`)
      token = body.next_batch
      expect(body.device_lists?.changed ?? []).toContain(other.userId)
    }, patient)
    return token
  }

  test('keys are asked for, claimed once each, and are those that were uploaded', async () => {
    const [device, cross] = [new DeviceIdentity(bob), new CrossSigningIdentity(bob.userId)]
    await bob.post('/keys/upload', { device_keys: device.deviceKeys, one_time_keys: device.oneTimeKeys(2) })
    await bob.post('/keys/device_signing/upload', cross.upload())

    const shown = await query(alice, bob)
    expect(shown.device_keys[bob.userId][bob.deviceId]).toEqual({ ...device.deviceKeys, unsigned: {} })
    expect(shown.master_keys[bob.userId]).toEqual(cross.upload().master_key)
    expect(shown.self_signing_keys[bob.userId]).toEqual(cross.upload().self_signing_key)
    expect([shown.user_signing_keys, shown.failures]).toEqual([{}, {}])
    const keys = [await claim(alice, bob), await claim(alice, bob), await claim(alice, bob)]
    expect(new Set(keys.slice(0, 2).flatMap((key) => Object.keys(key))).size).toBe(2)
    expect(keys[2]).toBeUndefined()
  })

  test('a server that does not answer is a failure and stops nobody', async () => {
    const { body } = await alice.post('/keys/query', {
      timeout: 2000,
      device_keys: { '@x:localhost:1': [], [alice.userId]: [] },
    })
    expect(Object.keys(body.failures)).toEqual(['localhost:1'])
    expect(body.device_keys).toHaveProperty([alice.userId])
  })

  test('messages arrive in order, once each, at one device and at all', async () => {
    const { next_batch: since } = (await bob.get('/sync')).body
    for (let n = 0; n < 60; n++) await send(alice, bob, { n }, n === 59 ? '*' : bob.deviceId)
    const got: number[] = []
    let token = since as string
    await vi.waitFor(async () => {
      const { body } = await bob.get(`/sync?since=${token}&timeout=500`)
      token = body.next_batch
      for (const { sender, content } of body.to_device?.events ?? []) {
        expect(sender).toBe(alice.userId)
        got.push(content.n)
      }
      expect(got).toHaveLength(60)
    }, patient)
    expect(got).toEqual(Array.from({ length: 60 }, (_, n) => n))
  })

  test('what changes of a device or of keys is told to who shares a room, and to nobody else', async () => {
    const alone = (await bob.get('/sync')).body.next_batch
    const first = new DeviceIdentity(alice)
    await alice.post('/keys/upload', { device_keys: first.deviceKeys })
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.post(
      `/join/${encodeURIComponent(roomId)}?server_name=${alice.userId.slice(alice.userId.indexOf(':') + 1)}`,
      {},
    )
    let since = await toldOf(bob, alice, alone) // by the room
    expect((await query(bob, alice)).device_keys[alice.userId][alice.deviceId].keys).toEqual(first.deviceKeys.keys)

    const second = new DeviceIdentity(alice)
    await alice.post('/keys/upload', { device_keys: second.deviceKeys })
    since = await toldOf(bob, alice, since)
    expect((await query(bob, alice)).device_keys[alice.userId][alice.deviceId].keys).toEqual(second.deviceKeys.keys)

    await alice.post('/keys/device_signing/upload', new CrossSigningIdentity(alice.userId).upload())
    since = await toldOf(bob, alice, since)
    expect((await query(bob, alice)).master_keys).toHaveProperty([alice.userId])

    const third = await world.servers[0]!.logIn('alice')
    since = await toldOf(bob, alice, since)
    await third.post('/logout')
    since = await toldOf(bob, alice, since)

    await bob.leaveRoom(roomId)
    const { body: left } = await bob.get(`/sync?since=${since}`)
    expect(left.device_lists).toEqual({ changed: [], left: [alice.userId] })
  })

  test('who was in the room before this server was, and leaves it, is left', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const via = alice.userId.slice(alice.userId.indexOf(':') + 1)
    await bob.post(`/join/${encodeURIComponent(roomId)}?server_name=${via}`, {})
    let token = (await bob.get('/sync')).body.next_batch
    await alice.leaveRoom(roomId)
    await vi.waitFor(async () => {
      const { body } = await bob.get(`/sync?since=${token}&timeout=1000`)
      token = body.next_batch
      expect(body.device_lists?.left).toEqual([alice.userId])
    }, patient)
  })

  test('devices of who shares a room are known with every change of them, also while their server is away', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const via = alice.userId.slice(alice.userId.indexOf(':') + 1)
    let since = (await bob.get('/sync')).body.next_batch
    await bob.post(`/join/${encodeURIComponent(roomId)}?server_name=${via}`, {})
    since = await toldOf(bob, alice, since)
    const known = async () => Object.keys((await query(bob, alice)).device_keys[alice.userId] ?? {}).sort()
    expect(await known()).toEqual([alice.deviceId])
    const others: TestClient[] = []
    for (let n = 0; n < 2; n++) {
      const other = await world.servers[0]!.logIn('alice')
      await other.post('/keys/upload', { device_keys: new DeviceIdentity(other).deviceKeys })
      others.push(other)
      await vi.waitFor(async () => expect(await known()).toContain(other.deviceId), patient)
    }
    await world.servers[0]!.close()
    expect(await known()).toEqual([alice.deviceId, ...others.map(({ deviceId }) => deviceId)].sort())
    expect((await query(bob, alice)).failures).toEqual({})
  })
})
