/** What users do with their own account: password, devices, profile, account data, push rules. */
import { describe, expect, test } from 'vitest'
import { type Answer, passwordOf, startHomeserver, type TestClient } from '../../support/homeserver.js'

const passwordAuth = (user: TestClient, localpart: string, session: unknown) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: user.userId },
  password: passwordOf(localpart),
  session,
})

/** Asks, is asked for the password, gives it. */
async function withPassword(
  user: TestClient,
  localpart: string,
  ask: (auth?: object) => Promise<Answer>,
): Promise<Answer> {
  const asked = await ask()
  expect(asked.status).toBe(401)
  expect(asked.body.flows).toEqual([{ stages: ['m.login.password'] }])
  return ask(passwordAuth(user, localpart, asked.body.session))
}

describe('password', () => {
  test('is changed after the old one was given; other devices are logged out, this one stays', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const phone = hs.as('alice')
    const laptop = await hs.logIn('alice')
    const change = (auth?: object) => phone.post('/account/password', { new_password: 'new', ...(auth && { auth }) })

    expect((await withPassword(phone, 'alice', change)).status).toBe(200)

    expect((await phone.get('/account/whoami')).status).toBe(200)
    expect((await laptop.get('/account/whoami')).status).toBe(401)
    const login = (password: string) =>
      hs.request('POST', '/login', { body: { type: 'm.login.password', user: 'alice', password } })
    expect((await login(passwordOf('alice'))).status).toBe(403)
    expect((await login('new')).status).toBe(200)
  })

  test('is not changed by a wrong password, by another user, or with a proof for something else', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const { session } = (await alice.post('/account/password', { new_password: 'new' })).body

    const wrong = { ...passwordAuth(alice, 'alice', session), password: 'guess' }
    const refused = await alice.post('/account/password', { new_password: 'new', auth: wrong })
    expect([refused.status, refused.body.errcode, refused.body.session]).toEqual([401, 'M_FORBIDDEN', session])

    const asBob = await alice.post('/account/password', {
      new_password: 'new',
      auth: passwordAuth(bob, 'bob', session),
    })
    expect([asBob.status, asBob.body.errcode]).toEqual([401, 'M_FORBIDDEN'])

    const stolen = await bob.post('/account/password', {
      new_password: 'new',
      auth: passwordAuth(alice, 'alice', session),
    })
    expect(stolen.status).toBe(403)

    const elsewhere = await alice.post('/account/deactivate', { auth: passwordAuth(alice, 'alice', session) })
    expect(elsewhere.status).toBe(403)
    expect((await alice.get('/account/whoami')).status).toBe(200)
  })
})

test('deactivation ends every session, leaves every room, keeps the name taken', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob'] })
  const [alice, bob] = [hs.as('alice'), hs.as('bob')]
  const roomId = await bob.createRoom({ preset: 'public_chat' })
  await alice.joinRoom(roomId)
  const deactivate = (auth?: object) => alice.post('/account/deactivate', { erase: true, ...(auth && { auth }) })

  expect((await withPassword(alice, 'alice', deactivate)).body).toEqual({ id_server_unbind_result: 'success' })

  expect((await alice.get('/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
  const login = await hs.request('POST', '/login', {
    body: { type: 'm.login.password', user: 'alice', password: passwordOf('alice') },
  })
  expect(login.status).toBe(403)
  const taken = await hs.request('GET', '/register/available?username=alice')
  expect(taken.body.errcode).toBe('M_USER_IN_USE')
  expect((await hs.request('GET', '/profile/@alice:test')).body).toEqual({})
  const member = await bob.put(`/rooms/${encodeURIComponent(roomId)}/state/m.room.topic/`, { topic: 'still here' })
  expect(member.status).toBe(200)
})

describe('devices', () => {
  test('are listed, named and read by their owner alone', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const alice = await hs.logIn('alice', { device_id: 'PHONE', initial_device_display_name: 'Phone' })
    expect((await alice.get('/devices/PHONE')).body).toMatchObject({ device_id: 'PHONE', display_name: 'Phone' })
    expect((await alice.put('/devices/PHONE', { display_name: 'My phone' })).status).toBe(200)
    expect((await alice.get('/devices/PHONE')).body.display_name).toBe('My phone')
    for (const answer of [
      await hs.as('bob').get('/devices/PHONE'),
      await hs.as('bob').put('/devices/PHONE', { display_name: 'x' }),
    ])
      expect([answer.status, answer.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })

  test('without a name go by their ID, and get it back when a name is taken away', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = await hs.logIn('alice', { device_id: 'PHONE' })
    const nameOf = async () => (await alice.get('/devices/PHONE')).body.display_name
    expect(await nameOf()).toBe('PHONE')
    await alice.put('/devices/PHONE', { display_name: 'Phone' })
    expect(await nameOf()).toBe('Phone')
    await alice.put('/devices/PHONE', { display_name: null })
    expect(await nameOf()).toBe('PHONE')
  })

  test('remember when and from where they were last seen', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    await alice.get('/account/whoami')
    await expect.poll(async () => (await alice.get('/devices')).body.devices[0].last_seen_ip).toBe('127.0.0.1')
  })

  test('are deleted with their sessions, one or many, after the password was given', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const others = [await hs.logIn('alice'), await hs.logIn('alice'), await hs.logIn('alice')]
    const one = (auth?: object) => alice.delete(`/devices/${others[0]!.deviceId}`, auth && { auth })
    const ids = others.slice(1).map(({ deviceId }) => deviceId)
    const many = (auth?: object) => alice.post('/delete_devices', { devices: ids, ...(auth && { auth }) })

    expect((await withPassword(alice, 'alice', one)).status).toBe(200)
    expect((await withPassword(alice, 'alice', many)).status).toBe(200)

    for (const other of others) expect((await other.get('/account/whoami')).status).toBe(401)
    expect((await alice.get('/devices')).body.devices).toHaveLength(1)
  })

  test('a proof for one device is no good for another', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const other = await hs.logIn('alice')
    const { session } = (await alice.delete('/devices/NOSUCH', {})).body
    const refused = await alice.delete(`/devices/${other.deviceId}`, { auth: passwordAuth(alice, 'alice', session) })
    expect(refused.status).toBe(403)
    expect((await other.get('/account/whoami')).status).toBe(200)
  })
})

describe('profile', () => {
  test('name, avatar and other fields are set by their owner and read by anybody', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const alice = hs.as('alice')
    const at = '/profile/@alice:test'
    expect((await hs.request('GET', at)).body).toEqual({ displayname: 'alice' })
    await alice.put(`${at}/displayname`, { displayname: 'Alice' })
    await alice.put(`${at}/avatar_url`, { avatar_url: 'mxc://test/abc' })
    await alice.put(`${at}/m.tz`, { 'm.tz': 'Europe/Berlin' })
    await alice.put(`${at}/org.example.job`, { 'org.example.job': { b: [1, null], a: 'x' } })

    expect((await hs.request('GET', at)).body).toEqual({
      displayname: 'Alice',
      avatar_url: 'mxc://test/abc',
      'm.tz': 'Europe/Berlin',
      'org.example.job': { b: [1, null], a: 'x' },
    })
    expect((await hs.request('GET', `${at}/m.tz`)).body).toEqual({ 'm.tz': 'Europe/Berlin' })
    expect((await alice.delete(`${at}/m.tz`)).status).toBe(200)
    const gone = await hs.request('GET', `${at}/m.tz`)
    expect([gone.status, gone.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect((await hs.request('GET', '/profile/@nobody:test')).body.errcode).toBe('M_NOT_FOUND')
    expect((await hs.as('bob').put(`${at}/displayname`, { displayname: 'x' })).body.errcode).toBe('M_FORBIDDEN')
  })

  test.each([
    ['displayname', { displayname: 7 }, 'M_BAD_JSON'],
    ['avatar_url', { avatar_url: 'https://example.org/a.png' }, 'M_BAD_JSON'],
    ['org.example.x', { other: 1 }, 'M_MISSING_PARAM'],
    ['k'.repeat(256), { ['k'.repeat(256)]: 1 }, 'M_KEY_TOO_LARGE'],
    ['org.example.big', { 'org.example.big': 'x'.repeat(65_536) }, 'M_PROFILE_TOO_LARGE'],
  ])('%.20s with a wrong value is refused', async (field, body, errcode) => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const refused = await hs.as('alice').put(`/profile/@alice:test/${field}`, body)
    expect([refused.status, refused.body.errcode]).toEqual([400, errcode])
  })

  test('a new name shows in the rooms the user is in', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const roomId = await alice.createRoom({})
    await alice.put('/profile/@alice:test/displayname', { displayname: 'Alice in chains' })
    const room = await alice.get(`/_synapse/admin/v1/rooms/${encodeURIComponent(roomId)}`)
    expect(room.body.errcode).toBe('M_FORBIDDEN')
    const members = await alice.get(`/rooms/${encodeURIComponent(roomId)}/joined_members`)
    if (members.status !== 404) expect(members.body.joined['@alice:test'].display_name).toBe('Alice in chains')
  })
})

describe('account data', () => {
  const at = '/user/@alice:test'
  const room = `${at}/rooms/${encodeURIComponent('!room:test')}`

  test('is kept as it was given, globally and per room', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const content = { z: 1, a: { deep: [true, null, 'x'], big: 9007199254740991 } }
    await alice.put(`${at}/account_data/org.example.x`, content)
    await alice.put(`${room}/account_data/org.example.x`, { here: true })
    const global = await alice.get(`${at}/account_data/org.example.x`)
    expect(global.body).toEqual(content)
    expect(Object.keys(global.body)).toEqual(['z', 'a'])
    expect((await alice.get(`${room}/account_data/org.example.x`)).body).toEqual({ here: true })
    expect((await alice.get(`${at}/account_data/org.example.none`)).body.errcode).toBe('M_NOT_FOUND')
    const large = await alice.put(`${at}/account_data/org.example.x`, { text: 'x'.repeat(600_000) })
    expect([large.status, large.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
  })

  test('of others is out of reach, and the types that the server keeps cannot be set', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    for (const answer of [await bob.get(`${at}/account_data/x`), await bob.put(`${at}/account_data/x`, {})])
      expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    for (const type of ['m.push_rules', 'm.fully_read']) {
      const refused = await alice.put(`${at}/account_data/${type}`, {})
      expect([refused.status, refused.body.errcode]).toEqual([405, 'M_BAD_JSON'])
    }
  })

  test('tags of a room come and go, also many at once', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    await Promise.all(
      ['m.favourite', 'u.work', 'u.later'].map((tag) => alice.put(`${room}/tags/${tag}`, { order: 0.5 })),
    )
    expect((await alice.delete(`${room}/tags/u.later`)).status).toBe(200)
    expect((await alice.get(`${room}/tags`)).body).toEqual({
      tags: { 'm.favourite': { order: 0.5 }, 'u.work': { order: 0.5 } },
    })
  })

  test('a filter is found under its ID; what is no filter is refused', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const filter = { room: { timeline: { limit: 5 } } }
    const { filter_id } = (await alice.post(`${at}/filter`, filter)).body
    expect((await alice.post(`${at}/filter`, filter)).body.filter_id).toBe(filter_id)
    expect((await alice.get(`${at}/filter/${filter_id}`)).body).toEqual(filter)
    expect((await alice.get(`${at}/filter/none`)).body.errcode).toBe('M_NOT_FOUND')
    expect((await alice.post(`${at}/filter`, { room: [] })).body.errcode).toBe('M_BAD_JSON')
  })
})

describe('push rules', () => {
  const rules = '/pushrules/global'

  test('begin with the defaults, of which some name the user', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const { global } = (await hs.as('alice').get('/pushrules/')).body
    expect(global.override[0]).toMatchObject({ rule_id: '.m.rule.master', enabled: false })
    expect(JSON.stringify(global)).toContain('@alice:test')
  })

  test('one of the user’s own is added, ordered, switched off, changed and deleted', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const word = (pattern: string) => ({ actions: ['notify'], pattern })
    await alice.put(`${rules}/content/cake`, word('cake'))
    await alice.put(`${rules}/content/pie?after=cake`, word('pie'))
    await alice.put(`${rules}/content/tea?before=cake`, word('tea'))
    const ids = async () => (await alice.get(`${rules}/`)).body.content.map((rule: { rule_id: string }) => rule.rule_id)
    expect(await ids()).toEqual(['tea', 'cake', 'pie'])

    await alice.put(`${rules}/content/cake/enabled`, { enabled: false })
    await alice.put(`${rules}/content/cake/actions`, { actions: [] })
    expect((await alice.get(`${rules}/content/cake/enabled`)).body).toEqual({ enabled: false })
    expect((await alice.get(`${rules}/content/cake/actions`)).body).toEqual({ actions: [] })
    expect((await alice.get(`${rules}/content/cake`)).body).toMatchObject({ pattern: 'cake', default: false })

    expect((await alice.delete(`${rules}/content/cake`)).status).toBe(200)
    expect(await ids()).toEqual(['tea', 'pie'])
    expect((await alice.delete(`${rules}/content/cake`)).body.errcode).toBe('M_NOT_FOUND')
  })

  test('one of the server’s can be switched off but not deleted or replaced', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    expect((await alice.put(`${rules}/underride/.m.rule.message/enabled`, { enabled: false })).status).toBe(200)
    expect((await alice.get(`${rules}/underride/.m.rule.message`)).body.enabled).toBe(false)
    expect((await alice.delete(`${rules}/underride/.m.rule.message`)).body.errcode).toBe('M_INVALID_PARAM')
    expect((await alice.put(`${rules}/underride/.mine`, { actions: [] })).body.errcode).toBe('M_INVALID_PARAM')
    expect((await alice.put(`${rules}/nonsense/x`, { actions: [] })).body.errcode).toBe('M_INVALID_PARAM')
  })
})

describe('pushers', () => {
  const pusher = {
    app_id: 'org.example.app',
    pushkey: 'key',
    kind: 'http',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
  }

  test('belong to a device, move with their key, and end with their session', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    expect((await alice.post('/pushers/set', pusher)).status).toBe(200)
    expect((await alice.get('/pushers')).body.pushers).toEqual([pusher])

    await bob.post('/pushers/set', pusher)
    expect((await alice.get('/pushers')).body.pushers).toEqual([])
    const phone = await hs.logIn('bob')
    await bob.post('/logout')
    expect((await phone.get('/pushers')).body.pushers).toEqual([])
  })

  test('without an https gateway they are refused', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const refused = await hs.as('alice').post('/pushers/set', { ...pusher, data: { url: 'http://10.0.0.1/x' } })
    expect([refused.status, refused.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  })
})

test('what the server can do is told honestly', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const { capabilities } = (await hs.as('alice').get('/capabilities')).body
  expect(capabilities['m.room_versions'].default).toBe('12')
  expect(Object.keys(capabilities['m.room_versions'].available)).toContain('10')
  const { versions, unstable_features } = (await hs.request('GET', '/_matrix/client/versions')).body
  expect(versions).toContain('v1.17')
  expect(unstable_features).toEqual({ 'org.matrix.msc3814': true, 'org.matrix.simplified_msc3575': true })
})
