/** What application services do here, and what they are told: over HTTP both ways. */
import { describe, expect, test } from 'vitest'
import { type FakeAppservice, startFakeAppservice, tokens } from '../../support/fake-appservice.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const start = (service: FakeAppservice, users = ['alice', 'bob']) =>
  startHomeserver({
    users,
    config: (config) => Object.assign(config, { appservice_registration_files: [service.registrationFile] }),
  })

/** A request of the service, as one of its users where one is named. */
const ask = (
  hs: TestHomeserver,
  method: string,
  path: string,
  options: { as?: string; device?: string; body?: object } = {},
) => {
  const query = new URLSearchParams({
    ...(options.as !== undefined && { user_id: `@${options.as}:test` }),
    ...(options.device !== undefined && { device_id: options.device }),
  })
  const [bare, own] = path.split('?')
  const all = [own, String(query)].filter((each) => each).join('&')
  return hs.request(method, all === '' ? bare! : `${bare}?${all}`, { token: tokens.as, body: options.body })
}

const register = (hs: TestHomeserver, username: string, token: string | undefined = tokens.as, more = {}) =>
  hs.request('POST', '/register', { token, body: { type: 'm.login.application_service', username, ...more } })

const bodiesOf = (events: { type: string; content: { body?: string } }[]) =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)

describe('accounts', () => {
  test('a service makes users in its namespace, and nobody else makes them', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    expect((await register(hs, 'nowhere_ann', tokens.as, { inhibit_login: true })).body).toEqual({
      user_id: '@nowhere_ann:test',
    })
    expect((await register(hs, 'nowhere_ann')).body.errcode).toBe('M_USER_IN_USE')
    expect((await register(hs, 'carol')).body.errcode).toBe('M_EXCLUSIVE')
    expect((await register(hs, 'nowhere_x', 'wrong')).body.errcode).toBe('M_UNKNOWN_TOKEN')
    const plain = { username: 'nowhere_mallory', password: 'long enough pw', auth: { type: 'm.login.dummy' } }
    expect((await hs.request('POST', '/register', { body: plain })).body.errcode).toBe('M_EXCLUSIVE')
    const bot = { ...plain, username: 'nowhere_bot' }
    expect((await hs.request('POST', '/register', { body: bot })).body.errcode).toBe('M_EXCLUSIVE')
  })

  test('it acts as any of its users, as itself without a name, and as nobody else', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    await register(hs, 'nowhere_ann')
    const whoami = async (as?: string) => {
      const { status, body } = await ask(hs, 'GET', '/account/whoami', as === undefined ? {} : { as })
      return status === 200 ? body.user_id : [status, body.errcode]
    }
    expect(await whoami()).toBe('@nowhere_bot:test')
    expect(await whoami('nowhere_ann')).toBe('@nowhere_ann:test')
    expect(await whoami('nowhere_nobody')).toEqual([403, 'M_FORBIDDEN'])
    expect(await whoami('alice')).toEqual([403, 'M_FORBIDDEN'])
    const person = await hs.as('alice').get('/account/whoami?user_id=@bob:test')
    expect(person.body.user_id).toBe('@alice:test')
  })

  test('it logs its users in, and names their devices', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    await register(hs, 'nowhere_ann', tokens.as, { inhibit_login: true })
    const flows = (await hs.request('GET', '/login')).body.flows.map(({ type }: { type: string }) => type)
    expect(flows).toContain('m.login.application_service')
    const logIn = (user: string, token: string | undefined = tokens.as) =>
      hs.request('POST', '/login', {
        token,
        body: { type: 'm.login.application_service', identifier: { type: 'm.id.user', user }, device_id: 'PUPPET' },
      })
    const session = (await logIn('nowhere_ann')).body
    expect(session).toMatchObject({ user_id: '@nowhere_ann:test', device_id: 'PUPPET' })
    expect((await hs.request('GET', '/account/whoami', { token: session.access_token })).body.device_id).toBe('PUPPET')
    expect((await logIn('alice')).body.errcode).toBe('M_EXCLUSIVE')
    expect((await logIn('nowhere_ann', 'wrong')).body.errcode).toBe('M_UNKNOWN_TOKEN')

    const as = (device: string) => ask(hs, 'GET', '/account/whoami', { as: 'nowhere_ann', device })
    expect((await as('PUPPET')).body).toMatchObject({ device_id: 'PUPPET' })
    expect((await as('OTHER')).body.errcode).toBe('M_UNKNOWN_DEVICE')
    await ask(hs, 'DELETE', '/devices/PUPPET', { as: 'nowhere_ann', body: {} })
    await hs.request('POST', '/logout', { token: session.access_token })
    expect((await as('PUPPET')).body.errcode).toBe('M_UNKNOWN_DEVICE')
  })

  test('it makes and deletes devices of its users without further proof', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    await register(hs, 'nowhere_ann', tokens.as, { inhibit_login: true })
    const as = { as: 'nowhere_ann' }
    const put = (name: string) => ask(hs, 'PUT', '/devices/PUPPET', { ...as, body: { display_name: name } })
    expect([(await put('One')).status, (await put('Two')).status]).toEqual([201, 200])
    const { devices } = (await ask(hs, 'GET', '/devices', as)).body
    expect(devices).toMatchObject([{ device_id: 'PUPPET', display_name: 'Two' }])
    const acting = () => ask(hs, 'GET', '/account/whoami', { ...as, device: 'PUPPET' })
    expect((await acting()).body.device_id).toBe('PUPPET')
    expect((await ask(hs, 'DELETE', '/devices/PUPPET', { ...as, body: {} })).status).toBe(200)
    expect((await acting()).body.errcode).toBe('M_UNKNOWN_DEVICE')
  })

  test('an account that is closed is nobody that it can act as', async () => {
    await using service = await startFakeAppservice()
    await using hs = await startHomeserver({
      users: ['root'],
      admins: ['root'],
      config: (config) => Object.assign(config, { appservice_registration_files: [service.registrationFile] }),
    })
    await register(hs, 'nowhere_ann')
    expect((await ask(hs, 'GET', '/account/whoami', { as: 'nowhere_ann' })).status).toBe(200)
    const closed = await hs.as('root').post('/_synapse/admin/v1/deactivate/@nowhere_ann:test', {})
    expect(closed.status).toBe(200)
    expect((await ask(hs, 'GET', '/account/whoami', { as: 'nowhere_ann' })).body.errcode).toBe('M_FORBIDDEN')
  })

  test('a new server with a service alone still has to be set up', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service, [])
    expect(hs.server.needsOnboarding()).toBe(true)
  })
})

describe('events', () => {
  test('of rooms with its users are told in order, with the room and with what was before; of others none', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    await register(hs, 'nowhere_ann')
    const alice = hs.as('alice')
    const { room_id: room } = (await alice.post('/createRoom', { preset: 'public_chat' })).body
    const { room_id: other } = (await alice.post('/createRoom', {})).body
    await alice.put(`/rooms/${room}/send/m.room.message/0`, { msgtype: 'm.text', body: 'before' })
    await ask(hs, 'POST', `/join/${room}`, { as: 'nowhere_ann', body: {} })
    for (const body of ['one', 'two', 'three'])
      await alice.put(`/rooms/${room}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
    await alice.put(`/rooms/${other}/send/m.room.message/1`, { msgtype: 'm.text', body: 'private' })
    await alice.put(`/rooms/${room}/state/m.room.topic`, { topic: 'A' })
    await alice.put(`/rooms/${room}/state/m.room.topic`, { topic: 'B' })
    await expect.poll(() => service.events().at(-1)?.content.topic).toBe('B')

    expect(bodiesOf(service.events())).toEqual(['one', 'two', 'three'])
    const last = service.events().at(-1)
    expect(last).toMatchObject({ room_id: room, state_key: '', unsigned: { prev_content: { topic: 'A' } } })
    const [join] = service.events()
    expect(join).toMatchObject({ type: 'm.room.member', state_key: '@nowhere_ann:test', sender: '@nowhere_ann:test' })
    for (const { path, authorization } of service.told.filter(({ path }) => path.includes('/transactions/'))) {
      expect(authorization).toBe(`Bearer ${tokens.hs}`)
      expect(path).toMatch(/^\/_matrix\/app\/v1\/transactions\/[\w-]+$/)
    }
  })

  test('that it does not take are told again, in order, and nothing else meanwhile', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    let refusals = 3
    service.answer = ({ path }) => (path.includes('/transactions/') && refusals-- > 0 ? { status: 500 } : undefined)
    const { room_id: room } = (await ask(hs, 'POST', '/createRoom', { body: { preset: 'public_chat' } })).body
    const alice = hs.as('alice')
    await alice.post(`/join/${room}`, {})
    for (const n of [1, 2, 3, 4, 5])
      await alice.put(`/rooms/${room}/send/m.room.message/${n}`, { msgtype: 'm.text', body: String(n) })
    await expect.poll(() => bodiesOf(service.events()), { timeout: 20_000 }).toEqual(['1', '2', '3', '4', '5'])
    const tries = service.told.filter(({ path }) => path.includes('/transactions/'))
    // What was refused comes again under the same name, with the same events.
    for (const each of tries.slice(1, 4)) {
      expect(each.path).toBe(tries[0]!.path)
      expect(each.body.events).toEqual(tries[0]!.body.events.map(withAge(each)))
    }
    expect(new Set(service.events().map(({ event_id }) => event_id)).size).toBe(service.events().length)
  })

  test('invites reach a user whom the service makes when it is asked for', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    service.answer = async ({ path }) => {
      const name = /^\/_matrix\/app\/v1\/users\/%40(nowhere_new)%3Atest$/.exec(path)?.[1]
      if (name === undefined) return undefined
      await register(hs, name)
      return { status: 200 }
    }
    const alice = hs.as('alice')
    const { room_id: room } = (await alice.post('/createRoom', {})).body
    expect((await alice.post(`/rooms/${room}/invite`, { user_id: '@nowhere_new:test' })).status).toBe(200)
    await expect.poll(() => service.events().at(-1)?.content.membership).toBe('invite')
    expect((await ask(hs, 'POST', `/join/${room}`, { as: 'nowhere_new', body: {} })).status).toBe(200)
    expect((await alice.get('/profile/@nowhere_other:test')).status).toBe(404)
    expect(service.told.some(({ path }) => path.includes('nowhere_other'))).toBe(true)
  })

  test('typing and receipts travel to a service that asks for them, without private ones', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    const { room_id: room } = (await ask(hs, 'POST', '/createRoom', { body: { preset: 'public_chat' } })).body
    const alice = hs.as('alice')
    await alice.post(`/join/${room}`, {})
    const { event_id } = (
      await ask(hs, 'PUT', `/rooms/${room}/send/m.room.message/1`, { body: { body: 'x', msgtype: 'm.text' } })
    ).body
    await alice.put(`/rooms/${room}/typing/@alice:test`, { typing: true, timeout: 30_000 })
    await alice.post(`/rooms/${room}/receipt/m.read.private/${event_id}`, {})
    await alice.post(`/rooms/${room}/receipt/m.read/${event_id}`, {})
    await expect
      .poll(() => service.ephemeral().map(({ type }) => type))
      .toEqual(expect.arrayContaining(['m.typing', 'm.receipt']))
    const typing = service.ephemeral().find(({ type }) => type === 'm.typing')
    expect(typing).toEqual({ type: 'm.typing', room_id: room, content: { user_ids: ['@alice:test'] } })
    const receipts = service.ephemeral().filter(({ type }) => type === 'm.receipt')
    expect(JSON.stringify(receipts)).toContain('@alice:test')
    expect(JSON.stringify(receipts)).not.toContain('private')
  })

  test('a service says when what it brings was said; people cannot', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    const { room_id: room } = (await ask(hs, 'POST', '/createRoom', { body: { preset: 'public_chat' } })).body
    const message = { body: { body: 'old', msgtype: 'm.text' } }
    const sent = await ask(hs, 'PUT', `/rooms/${room}/send/m.room.message/1?ts=1000`, message)
    const read = await ask(hs, 'GET', `/rooms/${room}/event/${sent.body.event_id}`)
    expect(read.body.origin_server_ts).toBe(1000)
    const alice = hs.as('alice')
    await alice.post(`/join/${room}`, {})
    const { event_id } = (await alice.put(`/rooms/${room}/send/m.room.message/1?ts=1000`, message.body)).body
    expect((await alice.get(`/rooms/${room}/event/${event_id}`)).body.origin_server_ts).toBeGreaterThan(1e12)
  })
})

describe('rooms and networks', () => {
  test('its aliases are its own, and a room is made when its alias is asked for', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    const alice = hs.as('alice')
    const { room_id: room } = (await alice.post('/createRoom', {})).body
    const taken = await alice.put('/directory/room/%23nowhere_a:test', { room_id: room })
    expect(taken.body.errcode).toBe('M_EXCLUSIVE')
    expect((await alice.post('/createRoom', { room_alias_name: 'nowhere_a' })).body.errcode).toBe('M_EXCLUSIVE')
    service.answer = async ({ path }) => {
      if (path !== '/_matrix/app/v1/rooms/%23nowhere_b%3Atest') return undefined
      const made = await ask(hs, 'POST', '/createRoom', {
        body: { room_alias_name: 'nowhere_b', preset: 'public_chat' },
      })
      return { status: made.status, body: {} }
    }
    expect((await alice.post('/join/%23nowhere_b:test', {})).status).toBe(200)
  })

  test('networks and who is in them are what the services say', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    const description = {
      user_fields: ['nick'],
      location_fields: ['channel'],
      icon: 'mxc://test/icon',
      field_types: { nick: { regexp: '.*', placeholder: 'nick' }, channel: { regexp: '#.*', placeholder: '#c' } },
      instances: [{ network_id: 'main', desc: 'Nowhere', fields: {} }],
    }
    const ann = { userid: '@nowhere_ann:test', protocol: 'nowhere', fields: { nick: 'ann' } }
    service.answer = ({ path }) => {
      if (path === '/_matrix/app/v1/thirdparty/protocol/nowhere') return { status: 200, body: description }
      if (path === '/_matrix/app/v1/thirdparty/user/nowhere?nick=ann') return { status: 200, body: [ann, 'nonsense'] }
      if (path.startsWith('/_matrix/app/v1/thirdparty/user?userid=')) return { status: 200, body: [ann] }
      return path.includes('/thirdparty/') ? { status: 500 } : undefined
    }
    const alice = hs.as('alice')
    const named = { ...description, instances: [{ ...description.instances[0], instance_id: 'nowhere|main' }] }
    expect((await alice.get('/thirdparty/protocols')).body).toEqual({ nowhere: named })
    expect((await alice.get('/thirdparty/protocol/nowhere')).body).toEqual(named)
    expect((await alice.get('/thirdparty/protocol/elsewhere')).status).toBe(404)
    expect((await alice.get('/thirdparty/user/nowhere?nick=ann')).body).toEqual([ann])
    expect((await alice.get('/thirdparty/user?userid=@nowhere_ann:test')).body).toEqual([ann])
    expect((await alice.get('/thirdparty/user')).body.errcode).toBe('M_MISSING_PARAM')
    expect((await alice.get('/thirdparty/location/nowhere?channel=x')).status).toBe(404)
    expect((await alice.get('/thirdparty/location?alias=%23a:test')).status).toBe(404)

    const { room_id: room } = (await ask(hs, 'POST', '/createRoom', { body: { preset: 'public_chat' } })).body
    const list = (visibility: string, user?: typeof alice) => {
      const path = `/directory/list/appservice/main/${room}`
      return user ? user.put(path, { visibility }) : ask(hs, 'PUT', path, { body: { visibility } })
    }
    expect((await list('public', alice)).body.errcode).toBe('M_FORBIDDEN')
    expect((await list('public')).status).toBe(200)
    const listed = async (body: object) =>
      (await alice.post('/publicRooms', body)).body.chunk.map(({ room_id }: { room_id: string }) => room_id)
    expect(await listed({ third_party_instance_id: 'nowhere|main' })).toEqual([room])
    expect(await listed({ include_all_networks: true })).toEqual([room])
    expect(await listed({})).toEqual([])
    await list('private')
    expect(await listed({ third_party_instance_id: 'nowhere|main' })).toEqual([])
  })

  test('a ping goes there and back; what fails is named', async () => {
    await using service = await startFakeAppservice()
    await using hs = await start(service)
    const ping = (id = 'nowhere') =>
      ask(hs, 'POST', `/_matrix/client/v1/appservice/${id}/ping`, { body: { transaction_id: 'mine' } })
    expect((await ping()).body.duration_ms).toBeGreaterThanOrEqual(0)
    const told = service.told.find(({ path }) => path === '/_matrix/app/v1/ping')
    expect(told).toMatchObject({
      method: 'POST',
      body: { transaction_id: 'mine' },
      authorization: `Bearer ${tokens.hs}`,
    })
    expect((await ping('other')).body.errcode).toBe('M_FORBIDDEN')
    const person = await hs.as('alice').post('/_matrix/client/v1/appservice/nowhere/ping', {})
    expect(person.body.errcode).toBe('M_FORBIDDEN')
    service.answer = () => ({ status: 503, body: { oh: 'no' } })
    expect(await ping()).toMatchObject({
      status: 502,
      body: { errcode: 'M_BAD_STATUS', status: 503, body: '{"oh":"no"}' },
    })
    await service[Symbol.asyncDispose]()
    expect(await ping()).toMatchObject({ status: 502, body: { errcode: 'M_CONNECTION_FAILED' } })
  })
})

/** How old an event is may have moved on between two tries. */
const withAge =
  (retry: { body: { events: { event_id: string; unsigned: { age: number } }[] } }) =>
  (event: { event_id: string; unsigned: object }) => ({
    ...event,
    unsigned: {
      ...event.unsigned,
      age: retry.body.events.find(({ event_id }) => event_id === event.event_id)?.unsigned.age,
    },
  })
