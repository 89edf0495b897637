/** Small things that clients and other servers are used to. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passwordOf, startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

let hs: TestHomeserver
let [alice, bob] = [] as unknown as [TestClient, TestClient]
beforeAll(async () => {
  hs = await startHomeserver({ users: ['alice', 'bob'], admins: ['alice'] })
  ;[alice, bob] = [hs.as('alice'), hs.as('bob')]
})
afterAll(() => hs.close())

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`

test('members of a join that the spec has no meaning for are in the member event; those it has are not theirs to set', async () => {
  for (const at of ['join', 'rooms'] as const) {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const url = at === 'join' ? `/join/${encodeURIComponent(roomId)}` : path(roomId, 'join')
    const custom = { 'org.example.mood': 'good', reason: 'because' }
    const forged = { membership: 'ban', displayname: 'Alice', join_authorised_via_users_server: alice.userId }

    expect((await bob.post(url, { ...custom, ...forged })).status).toBe(200)

    const { body } = await alice.get(path(roomId, `state/m.room.member/${bob.userId}`))
    expect(body).toEqual({ membership: 'join', displayname: 'bob', ...custom })
  }
})

test('a creator of a version 12 room cannot be given a level, in earlier versions it is usual', async () => {
  const override = (users: object) => ({ power_level_content_override: { users } })
  const create = (room_version: string, users: object, more: object = {}) =>
    alice.post('/createRoom', { room_version, ...override(users), ...more })
  const creation_content = { additional_creators: [bob.userId] }

  expect((await create('12', { [alice.userId]: 100 })).body.errcode).toBe('M_BAD_JSON')
  expect((await create('12', { [bob.userId]: 100 }, { creation_content })).body.errcode).toBe('M_BAD_JSON')
  expect((await create('12', { [bob.userId]: 100 })).status).toBe(200)
  expect((await create('11', { [alice.userId]: 100 })).status).toBe(200)
})

test('who may redact anything may redact what is not here yet, others may not, nor what is in another room', async () => {
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.joinRoom(roomId)
  const elsewhere = await alice.say(await alice.createRoom(), 'elsewhere')
  const redact = (client: TestClient, target: string) =>
    client.put(path(roomId, `redact/${encodeURIComponent(target)}/${Math.random()}`))
  const absent = `$${'a'.repeat(43)}`

  expect((await redact(alice, absent)).status).toBe(200)
  expect((await redact(bob, absent)).body.errcode).toBe('M_NOT_FOUND')
  expect((await redact(alice, elsewhere)).body.errcode).toBe('M_NOT_FOUND')
})

test('a hierarchy of what is suggested names nothing else, in the state of the space either', async () => {
  const space = await alice.createRoom({ creation_content: { type: 'm.space' } })
  const [suggested, other] = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ]
  const child = (roomId: string, content: object) =>
    alice.put(path(space, `state/m.space.child/${encodeURIComponent(roomId)}`), { via: ['test'], ...content })
  await child(suggested, { suggested: true })
  await child(other, {})
  const namesOf = async (query: string) => {
    const { rooms } = (await alice.get(`/_matrix/client/v1${path(space, `hierarchy${query}`)}`)).body
    const [{ children_state: states }] = rooms
    return {
      rooms: rooms.map(({ room_id }: { room_id: string }) => room_id),
      named: states.map(({ state_key }: { state_key: string }) => state_key).sort(),
    }
  }

  expect(await namesOf('?suggested_only=true')).toEqual({ rooms: [space, suggested], named: [suggested] })
  expect((await namesOf('')).named).toEqual([suggested, other].sort())
})

test.each([
  [{ room: { rooms: ['nonsense'] } }],
  [{ room: { not_rooms: ['#alias:test'] } }],
  [{ room: { timeline: { rooms: ['nonsense'] } } }],
  [{ room: { state: { senders: ['nonsense'] } } }],
  [{ presence: { not_senders: ['!room:test'] } }],
])('a filter with what can be no ID is refused: %j', async (filter) => {
  const stored = await alice.post(`/user/${alice.userId}/filter`, filter)
  const used = await alice.get(`/sync?filter=${encodeURIComponent(JSON.stringify(filter))}`)

  for (const { status, body } of [stored, used]) expect([status, body.errcode]).toEqual([400, 'M_BAD_JSON'])
})

test('an OpenID question without a token is 401, as one with a wrong token is', async () => {
  const ask = (query: string) => hs.request('GET', `/_matrix/federation/v1/openid/userinfo${query}`)

  expect(await ask('')).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  expect(await ask('?access_token=wrong')).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
})

test('whois says what a device calls itself; its owner and administrators alone are told', async () => {
  const carol = await hs.logIn('bob', { device_id: 'NEW' })
  await carol.get('/account/whoami', { headers: { 'user-agent': `Client/1 ${'x'.repeat(500)}` } })

  const connection = async () =>
    (await alice.get(`/admin/whois/${bob.userId}`)).body.devices.NEW.sessions[0].connections[0]
  await expect.poll(connection).toMatchObject({ user_agent: `Client/1 ${'x'.repeat(247)}` })
  expect((await bob.get(`/admin/whois/${alice.userId}`)).status).toBe(403)
  for (const device of (await bob.get('/devices')).body.devices)
    expect(device).not.toHaveProperty('last_seen_user_agent')
})

describe('an authentication session', () => {
  test('begun for something else is 403, one that is not known 400', async () => {
    const session = (await bob.request('DELETE', '/devices/SOME', { body: {} })).body.session
    const identifier = { type: 'm.id.user', user: 'bob' }
    const auth = { type: 'm.login.password', identifier, password: passwordOf('bob'), session }

    expect((await bob.post('/account/deactivate', { auth })).body.errcode).toBe('M_FORBIDDEN')
    const unknown = await bob.post('/account/deactivate', { auth: { ...auth, session: 'unknown' } })
    expect([unknown.status, unknown.body.errcode]).toEqual([400, 'M_UNKNOWN'])
  })
})
