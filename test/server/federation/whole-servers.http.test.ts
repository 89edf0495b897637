/** Two whole homeservers over TLS on loopback, used as their users use them: by the client-server API. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { ServerName } from '../../../server/kernel/identifiers.js'
import { startFederatingHomeservers } from '../../support/federating-homeservers.js'
import { freePort } from '../../support/free-port.js'
import { passwordOf, startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'
import { DeviceIdentity } from '../../support/keys.js'
import { makeTestCa } from '../../support/test-ca.js'

const patient = { timeout: 10_000, interval: 50 }

type World = AsyncDisposable & {
  a: TestHomeserver
  b: TestHomeserver
  alice: TestClient
  bob: TestClient
  aliceId: string
  bobId: string
}

async function makeWorld(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-whole-'))
  const ca = makeTestCa()
  const { cert, key } = ca.issue(['localhost'])
  const [caPath, certificatePath, keyPath] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => join(dir, file)) as [
    string,
    string,
    string,
  ]
  await Promise.all([writeFile(caPath, ca.pem), writeFile(certificatePath, cert), writeFile(keyPath, key)])
  const start = async (...users: string[]) => {
    const port = await freePort()
    return startHomeserver({
      users,
      serverName: `localhost:${port}`,
      config(config) {
        config.federation.enabled = true
        config.federation.ca_certificate_path = caPath
        config.federation.allow_private_addresses = true
        config.federation.trusted_key_servers = [] as ServerName[]
        config.listeners.federation = { enabled: true, host: '127.0.0.1', port }
        config.tls = { certificate_path: certificatePath, private_key_path: keyPath }
      },
    })
  }
  const [a, b] = [await start('alice'), await start('bob', 'carol')]
  return {
    ...{ a, b, alice: a.as('alice'), bob: b.as('bob') },
    aliceId: `@alice:${a.config.server_name}`,
    bobId: `@bob:${b.config.server_name}`,
    async [Symbol.asyncDispose]() {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const say = (client: TestClient, roomId: string, body: string) =>
  client.put(path(roomId, `send/m.room.message/${encodeURIComponent(body)}`), { msgtype: 'm.text', body })

async function bodiesIn(client: TestClient, roomId: string): Promise<string[]> {
  const { body } = await client.get(path(roomId, 'messages?dir=b&limit=100'))
  return body.chunk
    .filter((event: { type: string }) => event.type === 'm.room.message')
    .map((event: { content: { body: string } }) => event.content.body)
    .reverse()
}

describe('a server as it comes', () => {
  test('does not federate: no second listener, nothing answered, nobody asked', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    expect(hs.server.federationPort).toBeUndefined()
    for (const url of [
      '/_matrix/federation/v1/version',
      '/_matrix/key/v2/server',
      '/_matrix/federation/v1/query/profile?user_id=@a:b',
    ])
      expect((await hs.request('GET', url)).body).toMatchObject({ errcode: 'M_FORBIDDEN' })
    const alice = hs.as('alice')
    expect((await alice.post(`/join/${encodeURIComponent('!x:other.example')}`, {})).status).toBe(404)
    expect((await alice.get(`/profile/${encodeURIComponent('@bob:other.example')}`)).status).toBe(404)
  })
})

describe('two whole servers', { timeout: 60_000 }, () => {
  test('invite, join, talk, type, read, leave', async () => {
    await using world = await makeWorld()
    const { alice, bob, aliceId, bobId } = world
    const { body: created } = await alice.post('/createRoom', { preset: 'private_chat', name: 'Hall', invite: [bobId] })
    const roomId: string = created.room_id
    await say(alice, roomId, 'before bob')

    const invited = await bob.get('/sync?timeout=0')
    const inviteState = invited.body.rooms.invite[roomId].invite_state.events as {
      type: string
      content: { name?: string }
    }[]
    expect(inviteState.find(({ type }) => type === 'm.room.name')?.content.name).toBe('Hall')

    expect((await bob.post(`/join/${encodeURIComponent(roomId)}`, {})).status).toBe(200)
    await say(bob, roomId, 'hello alice')
    await say(alice, roomId, 'hello bob')
    await vi.waitFor(
      async () => expect((await bodiesIn(alice, roomId)).sort()).toEqual(['before bob', 'hello alice', 'hello bob']),
      patient,
    )
    // Scrolling up fetches what was said before the join.
    await vi.waitFor(async () => expect(await bodiesIn(bob, roomId)).toContain('before bob'), patient)

    const { body: members } = await alice.get(path(roomId, 'joined_members'))
    expect(Object.keys(members.joined).sort()).toEqual([aliceId, bobId].sort())

    await bob.put(path(roomId, `typing/${encodeURIComponent(bobId)}`), { typing: true, timeout: 20_000 })
    const { body: page } = await bob.get(path(roomId, 'messages?dir=b&limit=1'))
    await bob.post(path(roomId, `receipt/m.read/${encodeURIComponent(page.chunk[0].event_id)}`), {})
    await vi.waitFor(async () => {
      const { body } = await alice.get('/sync?timeout=0')
      const ephemeral = body.rooms.join[roomId].ephemeral.events as { type: string; content: object }[]
      expect(ephemeral.find(({ type }) => type === 'm.typing')?.content).toEqual({ user_ids: [bobId] })
      expect(JSON.stringify(ephemeral.find(({ type }) => type === 'm.receipt'))).toContain(bobId)
    }, patient)

    expect((await bob.post(path(roomId, 'leave'), {})).status).toBe(200)
    await vi.waitFor(async () => {
      const { body } = await alice.get(path(roomId, 'joined_members'))
      expect(Object.keys(body.joined)).toEqual([aliceId])
    }, patient)
  })

  test('profiles, aliases and files are found across servers', async () => {
    await using world = await makeWorld()
    const { a, alice, bob, aliceId } = world
    await alice.put(`/profile/${encodeURIComponent(aliceId)}/displayname`, { displayname: 'Alice A.' })
    expect((await bob.get(`/profile/${encodeURIComponent(aliceId)}`)).body).toMatchObject({ displayname: 'Alice A.' })

    const { body: created } = await alice.post('/createRoom', { preset: 'public_chat', room_alias_name: 'hall' })
    const joined = await bob.post(`/join/${encodeURIComponent(`#hall:${a.config.server_name}`)}`, {})
    expect(joined.body).toEqual({ room_id: created.room_id })

    const file = Buffer.alloc(300_000, 'hearth')
    const headers = { 'content-type': 'application/octet-stream' }
    const uploaded = await alice.post('/_matrix/media/v3/upload?filename=a.bin', file, { headers })
    const mxc: string = uploaded.body.content_uri
    const downloaded = await bob.get(`/_matrix/client/v1/media/download/${mxc.slice('mxc://'.length)}`)
    expect(downloaded.status).toBe(200)
    expect(Buffer.compare(downloaded.body, file)).toBe(0)
    expect(downloaded.headers.get('content-disposition')).toContain('a.bin')
    const missing = await bob.get(`/_matrix/client/v1/media/download/${a.config.server_name}/doesNotExist`)
    expect(missing.status).toBe(404)
  })

  test('a declined invite is told by /sync with its leave, whether or not the other server could be told', async () => {
    await using world = await makeWorld()
    const { a, alice, bob, bobId } = world
    const invite = async () => {
      const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bobId] })
      await vi.waitFor(
        async () => expect((await bob.get('/sync')).body.rooms?.invite).toHaveProperty([roomId]),
        patient,
      )
      return roomId
    }
    const [told, untold] = [await invite(), await invite()]
    const decline = async (roomId: string) => {
      const { next_batch } = (await bob.get('/sync')).body
      expect(await bob.post(path(roomId, 'leave'), {})).toMatchObject({ status: 200 })
      const { body } = await bob.get(`/sync?since=${next_batch}`)
      expect(body.rooms.leave[roomId].timeline.events).toMatchObject([
        { type: 'm.room.member', state_key: bobId, content: { membership: 'leave' } },
      ])
    }
    await decline(told)
    await a.close()
    await decline(untold)
  })

  test("an invite by a user of one's own server, who has left a room that lives on elsewhere, can be declined", async () => {
    await using world = await makeWorld()
    const { b, alice, bob, aliceId } = world
    const carol = b.as('carol')
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      power_level_content_override: { invite: 0 },
    })
    await bob.post(
      `/join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(aliceId.split(':').slice(1).join(':'))}`,
      {},
    )
    await bob.post(path(roomId, 'invite'), { user_id: carol.userId })
    const member = path(roomId, `state/m.room.member/${encodeURIComponent(carol.userId)}`)
    await vi.waitFor(
      async () => expect((await alice.get(member)).body).toMatchObject({ membership: 'invite' }),
      patient,
    )
    await bob.post(path(roomId, 'leave'), {})
    const { next_batch } = (await carol.get('/sync')).body
    expect(await carol.post(path(roomId, 'leave'), {})).toMatchObject({ status: 200 })
    const { body } = await carol.get(`/sync?since=${next_batch}`)
    expect(body.rooms.leave[roomId].timeline.events).toMatchObject([{ content: { membership: 'leave' } }])
    await vi.waitFor(async () => expect((await alice.get(member)).body).toMatchObject({ membership: 'leave' }), patient)
  })

  test('an account that is erased: others are told that it left and has no devices; who comes later gets nothing it said', async () => {
    await using world = await startFederatingHomeservers(['ann', 'owner', 'third'], ['bob'], ['late'])
    const [ann, owner] = [world.servers[0]!.as('ann'), world.servers[0]!.as('owner')]
    const [bob, late] = [world.servers[1]!.as('bob'), world.servers[2]!.as('late')]
    const via = encodeURIComponent(world.servers[0]!.config.server_name!)
    const join = async (client: TestClient, roomId: string) =>
      expect((await client.post(`/join/${encodeURIComponent(roomId)}?via=${via}`, {})).status).toBe(200)
    await ann.put(`/profile/${encodeURIComponent(ann.userId)}/displayname`, { displayname: 'Ann' })
    await ann.post('/keys/upload', { device_keys: new DeviceIdentity(ann).deviceKeys })
    const roomId = await owner.createRoom({ preset: 'public_chat' })
    await ann.joinRoom(roomId)
    await world.servers[0]!.as('third').joinRoom(roomId) // so that the past is asked of the server with the most members: this one
    await join(bob, roomId)
    await say(ann, roomId, 'by ann')
    await say(owner, roomId, 'by owner')
    await vi.waitFor(async () => expect(await bodiesIn(bob, roomId)).toEqual(['by ann', 'by owner']), patient)
    const keysOf = async (client: TestClient) =>
      (await client.post('/keys/query', { device_keys: { [ann.userId]: [] } })).body.device_keys[ann.userId] ?? {}
    expect(Object.keys(await keysOf(bob))).toEqual([ann.deviceId])

    const identifier = { type: 'm.id.user', user: 'ann' }
    const auth = { type: 'm.login.password', identifier, password: passwordOf('ann') }
    expect((await ann.post('/account/deactivate', { auth, erase: true })).status).toBe(200)

    const member = path(roomId, `state/m.room.member/${encodeURIComponent(ann.userId)}`)
    await vi.waitFor(async () => expect((await bob.get(member)).body.membership).toBe('leave'), patient)
    await vi.waitFor(async () => expect(await keysOf(bob)).toEqual({}), patient)
    expect((await bob.get(`/profile/${encodeURIComponent(ann.userId)}`)).body).toEqual({})
    expect(await bodiesIn(bob, roomId)).toEqual(['by ann', 'by owner'])
    await join(late, roomId)
    expect(await bodiesIn(late, roomId)).toEqual([undefined, 'by owner'])
  })
})
