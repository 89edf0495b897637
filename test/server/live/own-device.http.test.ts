/** What is kept for a device, read live: its messages, how many of its keys are left, and whose devices changed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { DeviceListChangesRow, ToDeviceRow } from '../../../server/kernel/live-rows.js'
import { startChild } from '../../support/child.js'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { DeviceIdentity } from '../../support/keys.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { SdkClient } from '../../support/sdk-client.js'

const liveMessages = 'LIVE SELECT position FROM to_device'
const messages = 'SELECT * FROM to_device:[$user_id, $device_id, $handled]>..[$user_id, $device_id, ..]'
const counts = 'SELECT * FROM device_key_counts:[$user_id, $device_id]'
const journal = 'SELECT * FROM device_list_changes:[$user_id, NONE]..[$user_id, ..]'
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
const numberOf = ({ content }: ToDeviceRow) => (JSON.parse(content) as { n: number }).n

describe('a device reads live', async () => {
  const hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  let users = 0
  let txns = 0
  const newUser = () => hs.register(`user${++users}`, false)
  const anotherDevice = ({ userId }: TestClient) => hs.logIn(userId.slice(1, userId.indexOf(':')))
  const send = (to: TestClient, n: number, device = to.deviceId) =>
    alice.put(`/sendToDevice/m.test/t${++txns}`, { messages: { [to.userId]: { [device]: { n } } } })
  const acknowledge = (client: TestClient, up_to: number) =>
    client.post('/_hearth/client/v1/to_device/acknowledge', { up_to })

  async function connect(client: TestClient) {
    const channel = new MemoryChannel()
    hs.server.openLiveChannel(channel)
    const { body } = await client.post('/_hearth/client/v1/live_token')
    await channel.call('authenticate', [body.token])
    onTestFinished(() => channel.hangUp())
    const read = async <T>(sql: string, bindings?: object) => (await channel.query<T[]>(sql, { ...bindings }))[0]!
    return Object.assign(channel, {
      messages: (handled = 0) => read<ToDeviceRow>(messages, { handled }),
      counts: () => read<Record<string, unknown>>(counts),
      journal: () => read<DeviceListChangesRow>(journal),
    })
  }

  test('its messages in the order they were sent, as /sync gives them, with one notification that says there are more', async () => {
    const bob = await newUser()
    await send(bob, 0)
    const channel = await connect(bob)
    const [, first] = await channel.query<ToDeviceRow[]>(`${liveMessages}; ${messages}`, { handled: 0 })
    expect(first).toMatchObject([
      { user_id: bob.userId, device_id: bob.deviceId, sender: alice.userId, type: 'm.test', content: '{"n":0}' },
    ])

    for (const n of numbers(1, 20)) await send(bob, n)
    await expect.poll(() => channel.messages()).toHaveLength(21)
    const rows = await channel.messages()
    const { body } = await bob.get('/sync')
    expect(rows.map(({ sender, type, content }) => ({ sender, type, content: JSON.parse(content) }))).toEqual(
      body.to_device.events,
    )
    expect(rows.map(({ position }) => position)).toEqual(rows.map(({ position }) => position).sort((a, b) => a - b))
    const told = () => Math.max(...channel.notes.map(({ result }) => Number(result.position)))
    await expect.poll(told).toBe(rows.at(-1)?.position)
  })

  test('a thousand that came while it was away, each once, as it acknowledges', async () => {
    const bob = await newUser()
    for (let n = 0; n < 1_000; n += 50) for (const each of numbers(n, 50)) await send(bob, each)
    const channel = await connect(bob)
    await channel.query(liveMessages)
    const got: number[] = []
    let handled = 0
    await expect
      .poll(
        async () => {
          const rows = await channel.messages(handled)
          expect(rows.length).toBeLessThanOrEqual(500)
          got.push(...rows.map(numberOf))
          handled = rows.at(-1)?.position ?? handled
          expect(await acknowledge(bob, handled)).toMatchObject({ status: 200, body: {} })
          return got.length
        },
        { timeout: 20_000 },
      )
      .toBe(1_000)
    expect(got).toEqual(numbers(0, 1_000))
    await expect.poll(() => channel.messages()).toEqual([])
    expect((await bob.get('/sync')).body).not.toHaveProperty('to_device')
  }, 60_000)

  test('what was acknowledged here or by a sync is gone from both, and acknowledging again changes nothing', async () => {
    const bob = await newUser()
    const channel = await connect(bob)
    for (const n of numbers(0, 4)) await send(bob, n)
    await expect.poll(() => channel.messages()).toHaveLength(4)
    const [, second] = await channel.messages()

    for (let times = 0; times < 2; times++) expect((await acknowledge(bob, second!.position)).status).toBe(200)
    await expect.poll(async () => (await channel.messages()).map(numberOf)).toEqual([2, 3])
    const { body } = await bob.get('/sync')
    expect(body.to_device.events).toMatchObject([{ content: { n: 2 } }, { content: { n: 3 } }])
    await bob.get(`/sync?since=${body.next_batch}`)
    await expect.poll(() => channel.messages()).toEqual([])
  })

  test('a position that the server has not come to is refused, as its data is an older copy then', async () => {
    const bob = await newUser()
    await send(bob, 1)
    await bob.post('/keys/upload', { one_time_keys: new DeviceIdentity(bob).oneTimeKeys(2) })
    const refused = await acknowledge(bob, 999_999_999)

    expect(refused).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN_POS' } })
    const channel = await connect(bob)
    expect(await channel.messages()).toHaveLength(1)
    expect(await channel.counts()).toMatchObject([{ one_time_key_counts: {} }])
    for (const up_to of [-1, 1.5, '7', undefined])
      expect((await bob.post('/_hearth/client/v1/to_device/acknowledge', { up_to })).status).toBe(400)
  })

  test('how many of its keys are left, when some are uploaded and claimed', async () => {
    const bob = await newUser()
    const channel = await connect(bob)
    await channel.query('LIVE SELECT * FROM device_key_counts')
    expect(await channel.counts()).toMatchObject([{ one_time_key_counts: {}, unused_fallback_key_types: [] }])
    const identity = new DeviceIdentity(bob)
    await bob.post('/keys/upload', { one_time_keys: identity.oneTimeKeys(2), fallback_keys: identity.fallbackKey('f') })
    const claim = () =>
      alice.post('/keys/claim', { one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } } })
    const now = async () => {
      const { body } = await bob.get('/sync')
      const [row] = await channel.counts()
      expect(row).toMatchObject({
        one_time_key_counts: body.device_one_time_keys_count,
        unused_fallback_key_types: body.device_unused_fallback_key_types,
      })
      return body.device_one_time_keys_count.signed_curve25519
    }
    await expect.poll(now).toBe(2)
    await claim()
    await expect.poll(now).toBe(1)
    await claim()
    await claim()
    const last = () => channel.notes.toSorted((a, b) => Number(a.result.position) - Number(b.result.position)).at(-1)
    await expect.poll(() => last()?.result).toMatchObject({ one_time_key_counts: {}, unused_fallback_key_types: [] })
  })

  test('nothing of another device or user, whatever it asks for', async () => {
    const bob = await newUser()
    const others = [await anotherDevice(bob), alice]
    const own = await connect(bob)
    expect(await own.messages()).toEqual([])
    const channels = await Promise.all(others.map(connect))
    const tables = ['to_device', 'device_key_counts', 'device_list_changes']
    for (const channel of channels) for (const table of tables) await channel.query(`LIVE SELECT * FROM ${table}`)
    await send(bob, 1)
    await bob.post('/keys/upload', { one_time_keys: new DeviceIdentity(bob).oneTimeKeys(1) })
    await expect.poll(() => own.messages()).toHaveLength(1)
    await expect.poll(() => own.counts()).toMatchObject([{ one_time_key_counts: { signed_curve25519: 1 } }])
    const [{ position }] = (await own.messages()) as [ToDeviceRow]

    const id = [bob.userId, bob.deviceId]
    for (const [n, channel] of channels.entries()) {
      const seen = await channel.query<Record<string, unknown>[]>(
        `SELECT * FROM to_device WHERE user_id = $u; SELECT * FROM to_device:[$u, NONE]..[$u, ..];
         SELECT * FROM type::record('to_device', [$u, $d, $p]); SELECT * FROM device_key_counts:[$u, $d];
         SELECT * FROM device_key_counts WHERE device_id = $d; SELECT * FROM device_list_changes:[$u, NONE]..[$u, ..]`,
        { u: id[0], d: id[1], p: position },
      )
      expect(seen.slice(0, 5)).toEqual([[], [], [], [], []])
      expect(seen[5]).toHaveLength(n === 0 ? 1 : 0) // the journal is for all devices of its user
    }
    await acknowledge(bob, position)
    await acknowledge(others[0]!, position)
    await expect.poll(() => own.messages()).toEqual([])
    for (const { notes } of channels)
      expect(notes.filter(({ result }) => result.device_id === bob.deviceId || result.position === position)).toEqual(
        [],
      )
  })

  test('after it logged in anew under its name, nothing of what was there before', async () => {
    const bob = await newUser()
    await send(bob, 1)
    const channel = await connect(bob)
    expect(await channel.messages()).toHaveLength(1)
    await bob.post('/logout')
    const again = await hs.logIn(`user${users}`, { device_id: bob.deviceId })
    expect(await (await connect(again)).messages()).toEqual([])
  })

  describe('whose devices changed', () => {
    const upload = (client: TestClient) =>
      client.post('/keys/upload', { device_keys: new DeviceIdentity(client).deviceKeys })
    const since = (rows: DeviceListChangesRow[], position: number) => {
      const later = rows.filter((row) => row.position > position)
      return { changed: later.flatMap(({ changed }) => changed), left: later.flatMap(({ left }) => left) }
    }

    test('as /sync tells it: who comes, who uploads keys, who is left', async () => {
      const [bob, carol] = [await newUser(), await newUser()]
      const channel = await connect(bob)
      const [, [start] = []] = await channel.query<DeviceListChangesRow[]>(
        `LIVE SELECT * FROM device_list_changes; ${journal}`,
      )
      expect(start).toMatchObject({ changed: [], left: [], since: start!.position })
      let token = (await bob.get('/sync')).body.next_batch
      let { position } = start!
      const agree = async (expected: object) => {
        await expect.poll(async () => since(await channel.journal(), position)).toEqual(expected)
        const { body } = await bob.get(`/sync?since=${token}`)
        expect(body.device_lists).toEqual(expected)
        token = body.next_batch
        position = (await channel.journal()).at(-1)!.position
      }

      const room = await bob.createRoom({ preset: 'public_chat' })
      await carol.joinRoom(room)
      await agree({ changed: [carol.userId], left: [] })
      await upload(carol)
      await agree({ changed: [carol.userId], left: [] })
      await upload(bob)
      await agree({ changed: [bob.userId], left: [] })
      await carol.leaveRoom(room)
      await agree({ changed: [], left: [carol.userId] })
      await upload(carol)
      await upload(bob)
      await agree({ changed: [bob.userId], left: [] })
      expect(channel.notes.length).toBeGreaterThanOrEqual(4)
      const rows = await channel.journal()
      expect(rows.slice(1).map((row) => row.since)).toEqual(rows.slice(0, -1).map((row) => row.position))
    })

    test('also what happened while no device of the user was there', async () => {
      const [bob, carol] = [await newUser(), await newUser()]
      const room = await bob.createRoom({ preset: 'public_chat' })
      const first = await connect(bob)
      const [start] = await first.journal()
      first.hangUp()
      await carol.joinRoom(room)
      await upload(carol)

      const rows = await (await connect(await anotherDevice(bob))).journal()
      expect(rows[0]).toEqual(start)
      expect(since(rows, start!.position).changed).toContain(carol.userId)
      expect(rows[1]).toMatchObject({ since: start!.position })
    })
  })
})

test('a message that was handled and not acknowledged when the server was killed comes again, and is known by its position', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-device-'))
  const begin = async () => {
    const child = startChild(new URL('./children/homeserver-until-killed.ts', import.meta.url), { dataDir })
    const { url } = (await child.hears((message) => 'url' in (message as object))) as { url: string }
    return { child, url }
  }
  let server = await begin()
  const request = async (method: string, path: string, token?: string, body: unknown = {}) => {
    const headers = { ...(token && { authorization: `Bearer ${token}` }) }
    const response = await fetch(new URL(path, server.url), { method, headers, body: JSON.stringify(body) })
    return (await response.json()) as Record<string, string>
  }
  const {
    access_token: token,
    user_id: userId,
    device_id: deviceId,
  } = await request('POST', '/_matrix/client/v3/register', '', {
    ...{ username: 'bob', password: 'long enough', auth: { type: 'm.login.dummy' } },
  })
  let txn = 0
  const send = (n: number) =>
    request('PUT', `/_matrix/client/v3/sendToDevice/m.test/${++txn}`, token, {
      messages: { [userId!]: { [deviceId!]: { n } } },
    })
  /** A client with a store: what it handles and how far it has come are one. */
  const store = { upTo: 0, handled: [] as number[] }
  async function client() {
    const answer = await request('POST', '/_hearth/client/v1/live_token', token)
    const sdk = await new SdkClient().login(answer.url!, answer.token!)
    const acknowledge = () => request('POST', '/_hearth/client/v1/to_device/acknowledge', token, { up_to: store.upTo })
    return {
      acknowledge,
      async handle(count: number) {
        const [rows] = await sdk.call<[ToDeviceRow[]]>('query', messages, { handled: store.upTo })
        for (const row of rows.filter(({ position }) => position > store.upTo).slice(0, count))
          Object.assign(store, { upTo: row.position, handled: [...store.handled, numberOf(row)] })
      },
      [Symbol.asyncDispose]: () => sdk[Symbol.asyncDispose](),
    }
  }

  for (const n of numbers(0, 10)) await send(n)
  {
    await using first = await client()
    await first.handle(3)
    await first.acknowledge()
    await first.handle(4)
    await server.child.kill()
  }
  server = await begin()
  for (const n of numbers(10, 3)) await send(n)
  {
    await using second = await client()
    await second.handle(2) // before it acknowledges what it has handled
    await second.acknowledge()
    await expect
      .poll(async () => {
        await second.handle(100)
        return store.handled.length
      })
      .toBe(13)
    expect(store.handled).toEqual(numbers(0, 13))
  }
  await server.child.kill()
  await rm(dataDir, { recursive: true, force: true })
}, 60_000)
