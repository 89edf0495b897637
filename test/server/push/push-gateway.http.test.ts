/** Pushers: what a gateway over HTTP is told of, when, and when not. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { startChild } from '../../support/child.js'
import { startFakeGateway } from '../../support/fake-gateway.js'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

const atHome: Parameters<typeof startHomeserver>[0] = {
  config(config) {
    config.push.allow_http_gateways = true
    config.outbound.allow_private_addresses = true
  },
}
const pusher = (url: string, pushkey = 'key', more: object = {}) => ({
  ...{ app_id: 'app', pushkey, kind: 'http', app_display_name: 'A', device_display_name: 'D', lang: 'en' },
  data: { url, ...more },
})

describe('a push gateway', async () => {
  const hs = await startHomeserver({ ...atHome, users: ['alice'] })
  afterAll(() => hs.close())
  const alice = hs.as('alice')
  let users = 0

  /** Somebody with a pusher who is in a room with Alice. */
  async function begin(more: object = {}) {
    const gateway = await startFakeGateway()
    onTestFinished(() => gateway[Symbol.asyncDispose]())
    const bob = await hs.register(`bob${++users}`, false)
    const roomId = await alice.createRoom({ name: 'The hall', preset: 'private_chat', invite: [bob.userId] })
    await bob.joinRoom(roomId)
    const set = (pushkey = 'key', data = more) => bob.post('/pushers/set', pusher(gateway.url, pushkey, data))
    expect((await set()).status).toBe(200)
    const read = (eventId: string) => bob.post(`/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${eventId}`)
    const heard = (count: number) => expect.poll(() => gateway.events).toHaveLength(count)
    return { gateway, bob, roomId, set, read, heard }
  }
  const mention = (roomId: string, who: TestClient, body = 'look') =>
    alice.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/m${Math.random()}`, {
      ...{ msgtype: 'm.text', body, 'm.mentions': { user_ids: [who.userId] } },
    })

  test('is told of a message: what it says, where, by whom, how many are unread, and how to present it', async () => {
    const { gateway, bob, roomId, heard } = await begin({ brand: 'x' })
    const { body } = await mention(roomId, bob)
    await heard(1)
    expect(gateway.told[0]).toEqual({
      event_id: body.event_id,
      room_id: roomId,
      type: 'm.room.message',
      sender: alice.userId,
      sender_display_name: 'alice',
      room_name: 'The hall',
      content: { msgtype: 'm.text', body: 'look', 'm.mentions': { user_ids: [bob.userId] } },
      prio: 'high',
      counts: { unread: 1 },
      devices: [
        {
          ...{ app_id: 'app', pushkey: 'key', pushkey_ts: expect.any(Number), data: { brand: 'x' } },
          tweaks: { highlight: true, sound: 'default' },
        },
      ],
    })
    const second = await alice.say(roomId, 'more')
    await heard(2)
    expect(gateway.told[1]).toMatchObject({ event_id: second, counts: { unread: 2 } })
  })

  test('is told the IDs alone where that is all the app wants', async () => {
    const { gateway, roomId, heard } = await begin({ format: 'event_id_only' })
    const eventId = await alice.say(roomId, 'secret')
    await heard(1)
    expect(gateway.told[0]).toEqual({
      ...{ event_id: eventId, room_id: roomId, prio: expect.any(String), counts: { unread: 1 } },
      devices: [{ app_id: 'app', pushkey: 'key', pushkey_ts: expect.any(Number), data: { format: 'event_id_only' } }],
    })
  })

  test('is not told of own messages, of what the rules pass over, of ignored people, nor of what came before', async () => {
    const { gateway, bob, roomId, heard, set } = await begin()
    await bob.say(roomId, 'own')
    await alice.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/n1`, { msgtype: 'm.notice', body: 'n' })
    await alice.put(`/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`, { topic: 't' })
    const carol = await hs.register(`carol${users}`, false)
    await alice.invite(roomId, carol)
    await carol.joinRoom(roomId)
    const ignored = { ignored_users: { [carol.userId]: {} } }
    await bob.put(`/user/${bob.userId}/account_data/m.ignored_user_list`, ignored)
    await carol.say(roomId, 'ignored')
    await set('later')
    const last = await alice.say(roomId, 'last')
    await heard(2)
    expect(gateway.events).toEqual([last, last])
    expect(new Set(gateway.told.map(({ devices }) => devices[0].pushkey))).toEqual(new Set(['key', 'later']))
  })

  test('is told of an invitation, and of nothing in that room before it is accepted', async () => {
    const { gateway, bob, heard } = await begin()
    const roomId = await alice.createRoom({ name: 'Den', invite: [bob.userId], preset: 'private_chat' })
    await alice.say(roomId, 'inside')
    await heard(1)
    expect(gateway.told[0]).toMatchObject({
      type: 'm.room.member',
      room_name: 'Den',
      user_is_target: true,
      prio: 'high',
    })
    await bob.joinRoom(roomId)
    const eventId = await alice.say(roomId, 'welcome')
    await heard(2)
    expect(gateway.events[1]).toBe(eventId)
  })

  test('is not told of what was read, redacted or left while it was away; is told the count when it falls', async () => {
    const { gateway, bob, roomId, heard, read } = await begin()
    const other = await alice.createRoom({ preset: 'public_chat' })
    await bob.joinRoom(other)
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    gateway.answer = async () => void (await held)
    const first = await alice.say(roomId, 'first')
    await expect.poll(() => gateway.told).toHaveLength(1)
    const [second, third] = [await alice.say(roomId, 'second'), await alice.say(roomId, 'third')]
    await alice.say(other, 'in a room that is left')
    await bob.leaveRoom(other)
    await alice.put(`/rooms/${encodeURIComponent(roomId)}/redact/${third}/r1`)
    await read(second)
    const last = await alice.say(roomId, 'last')
    release()
    await heard(2)
    expect(gateway.events).toEqual([first, last])
    expect(gateway.told.at(-1)).toMatchObject({ counts: { unread: 1 } })

    await read(last)
    await expect.poll(() => gateway.told.at(-1).counts, { timeout: 5_000 }).toEqual({})
    expect(gateway.told.at(-1)).not.toHaveProperty('event_id')
  })

  test('that rejects a key is told nothing more with it, and the pusher is gone', async () => {
    const { gateway, bob, roomId, set, heard } = await begin()
    await set('good')
    gateway.answer = ({ devices }) => ({
      status: 200,
      body: { rejected: devices[0].pushkey === 'key' ? ['key', 'x'] : [] },
    })
    await alice.say(roomId, 'one')
    await heard(2)
    const left = async () => (await bob.get('/pushers')).body.pushers.map(({ pushkey }: { pushkey: string }) => pushkey)
    await expect.poll(left).toEqual(['good'])
    await alice.say(roomId, 'two')
    await heard(3)
    expect(gateway.told.map(({ devices }) => devices[0].pushkey).slice(2)).toEqual(['good'])
  })

  test('hears nothing of a pusher whose session has ended or that another user took over', async () => {
    const { gateway, bob, roomId, heard, set } = await begin()
    const carol = await hs.register(`carol${++users}`, false)
    await alice.invite(roomId, carol)
    await carol.joinRoom(roomId)
    await carol.post('/pushers/set', pusher(gateway.url))
    const first = await alice.say(roomId, 'to Carol alone')
    await heard(1)
    await set('other')
    await bob.post('/logout')
    const second = await alice.say(roomId, 'to Carol alone again')
    await heard(2)
    expect(gateway.events).toEqual([first, second])
    expect(gateway.told.every(({ devices }) => devices[0].pushkey === 'key')).toBe(true)
  })

  test('that fails is asked again, in order, and no oftener for what comes meanwhile', async () => {
    const { gateway, roomId, heard } = await begin()
    let isDown = true
    gateway.answer = () => (isDown ? { status: 502 } : undefined)
    const sent: string[] = []
    for (const text of ['1', '2', '3', '4', '5']) sent.push(await alice.say(roomId, text))
    await expect.poll(() => gateway.told).toHaveLength(1)
    isDown = false
    await expect.poll(() => gateway.events, { timeout: 10_000 }).toHaveLength(5)
    expect(gateway.events).toEqual(sent)
    expect(gateway.told).toHaveLength(6)
    await heard(5)
  })

  test('must have a URL of the right form', async () => {
    const { bob } = await begin()
    for (const url of ['ftp://x/_matrix/push/v1/notify', 'https://x/notify', 'nonsense', 7])
      expect((await bob.post('/pushers/set', pusher(url as string))).status).toBe(400)
  })
})

test('a gateway that was away has what waited after the server was killed, no sooner than its pause is over', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-push-'))
  await using gateway = await startFakeGateway()
  const begin = async () => {
    const child = startChild(new URL('../live/children/homeserver-until-killed.ts', import.meta.url), { dataDir })
    const { url } = await child.hears<{ url: string }>((message) => 'url' in (message as object))
    return { child, url }
  }
  let server = await begin()
  const request = async (method: string, path: string, token = '', body: unknown = {}) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(new URL(`/_matrix/client/v3${path}`, server.url), {
      ...{ method, headers, body: JSON.stringify(body) },
    })
    return (await response.json()) as Record<string, string>
  }
  const register = async (username: string) => {
    const body = { username, password: 'long enough', auth: { type: 'm.login.dummy' } }
    const { access_token } = await request('POST', '/register', '', body)
    return access_token!
  }
  const [alice, bob] = [await register('alice'), await register('bob')]
  const { room_id } = await request('POST', '/createRoom', alice, { preset: 'public_chat' })
  const room = `/rooms/${encodeURIComponent(room_id!)}`
  await request('POST', `${room}/join`, bob)
  const say = async (n: number) => {
    const { event_id } = await request('PUT', `${room}/send/m.room.message/${n}`, alice, {
      msgtype: 'm.text',
      body: 'x',
    })
    return event_id!
  }
  gateway.answer = () => ({ status: 503 })
  await request('POST', '/pushers/set', bob, pusher(gateway.url))
  await request('POST', '/pushers/set', bob, pusher(gateway.url, 'gone'))
  const sent = [await say(1), await say(2)]
  await expect.poll(() => gateway.told).toHaveLength(2)
  const failedAt = Date.now()
  await request('POST', '/pushers/set', bob, { ...pusher(gateway.url, 'gone'), kind: null })
  await server.child.kill()
  let firstAt = 0
  gateway.answer = () => {
    firstAt ||= Date.now()
    return undefined
  }

  server = await begin()
  await expect.poll(() => gateway.events, { timeout: 20_000 }).toEqual(sent)
  expect(firstAt - failedAt).toBeGreaterThan(1_900)
  expect(gateway.told.slice(2).every(({ devices }) => devices[0].pushkey === 'key')).toBe(true)
  await server.child.kill()
  await rm(dataDir, { recursive: true, force: true })
}, 60_000)

test('a gateway at home is refused where that is not allowed, by its URL and by its address', async () => {
  await using gateway = await startFakeGateway()
  const log: string[] = []
  await using hs = await startHomeserver({ users: ['alice', 'bob'], log: (line) => void log.push(line) })
  const [alice, bob] = [hs.as('alice'), hs.as('bob')]
  expect((await bob.post('/pushers/set', pusher(gateway.url))).status).toBe(400)
  expect((await bob.post('/pushers/set', pusher(gateway.url.replace('http:', 'https:')))).status).toBe(200)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.joinRoom(roomId)
  await alice.say(roomId, 'hello')
  await expect.poll(() => log.some((line) => line.includes('its address is not on the public internet'))).toBe(true)
  expect(gateway.told).toEqual([])
})
