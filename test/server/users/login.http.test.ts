/** Registering, logging in and out, refreshing, over HTTP. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import { passwordOf, startHomeserver } from '../../support/homeserver.js'

describe('registration', () => {
  test('asks for proof, takes it, and logs the new user in', async () => {
    await using hs = await startHomeserver()
    const account = { username: 'alice', password: 'secret', initial_device_display_name: 'Phone' }

    const asked = await hs.request('POST', '/register', { body: account })
    const auth = { type: 'm.login.dummy', session: asked.body.session }
    const done = await hs.request('POST', '/register', { body: { ...account, auth } })

    expect(asked.status).toBe(401)
    expect(asked.body.flows).toEqual([{ stages: ['m.login.dummy'] }])
    expect(done.status).toBe(200)
    expect(done.body.user_id).toBe('@alice:test')
    const me = await hs.request('GET', '/account/whoami', { token: done.body.access_token })
    expect(me.body).toEqual({ user_id: '@alice:test', device_id: done.body.device_id, is_guest: false })
  })

  test('the proof alone is enough the second time: the first body is remembered', async () => {
    await using hs = await startHomeserver()
    const asked = await hs.request('POST', '/register', { body: { username: 'alice', password: 'secret' } })
    const done = await hs.request('POST', '/register', {
      body: { auth: { type: 'm.login.dummy', session: asked.body.session } },
    })
    expect(done.body.user_id).toBe('@alice:test')
  })

  test('a name that cannot be, or is taken, is refused before any proof', async () => {
    await using hs = await startHomeserver({ users: ['bob'] })
    for (const [username, errcode] of [
      ['Alice!', 'M_INVALID_USERNAME'],
      ['a'.repeat(260), 'M_INVALID_USERNAME'],
      ['bob', 'M_USER_IN_USE'],
    ] as const) {
      const refused = await hs.request('POST', '/register', { body: { username, password: 'x' } })
      expect([refused.status, refused.body.errcode]).toEqual([400, errcode])
      const available = await hs.request('GET', `/register/available?username=${encodeURIComponent(username)}`)
      expect([available.status, available.body.errcode]).toEqual([400, errcode])
    }
    expect((await hs.request('GET', '/register/available?username=carol')).body).toEqual({ available: true })
  })

  test('two who want the same name at once: one gets it', async () => {
    await using hs = await startHomeserver()
    const body = { username: 'alice', password: 'x', auth: { type: 'm.login.dummy' } }
    const answers = await Promise.all([1, 2, 3].map(() => hs.request('POST', '/register', { body })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
  })

  test('is refused where the server does not offer it', async () => {
    await using hs = await startHomeserver({
      config: ({ registration }) => Object.assign(registration, { enabled: false }),
    })
    const refused = await hs.request('POST', '/register', { body: { username: 'alice', password: 'x' } })
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const guest = await hs.request('POST', '/register?kind=guest', { body: {} })
    expect([guest.status, guest.body.errcode]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  test('with a token: a wrong one is refused, a right one opens the door', async () => {
    await using hs = await startHomeserver({
      config: ({ registration }) => Object.assign(registration, { dummy_flow: false, tokens: ['open sesame'] }),
    })
    const account = { username: 'alice', password: 'x' }
    const asked = await hs.request('POST', '/register', { body: account })
    const { session } = asked.body
    const wrong = await hs.request('POST', '/register', {
      body: { ...account, auth: { type: 'm.login.registration_token', token: 'please', session } },
    })
    const right = await hs.request('POST', '/register', {
      body: { ...account, auth: { type: 'm.login.registration_token', token: 'open sesame', session } },
    })
    expect([wrong.status, wrong.body.errcode]).toEqual([401, 'M_FORBIDDEN'])
    expect(right.status).toBe(200)
    const validity = '/_matrix/client/v1/register/m.login.registration_token/validity?token='
    expect((await hs.request('GET', `${validity}open%20sesame`)).body).toEqual({ valid: true })
    expect((await hs.request('GET', `${validity}please`)).body).toEqual({ valid: false })
  })

  test('a guest may sign in where guests are welcome, and gets no live token', async () => {
    await using hs = await startHomeserver({
      config: ({ registration }) => Object.assign(registration, { guests: true }),
    })
    const guest = await hs.request('POST', '/register?kind=guest', { body: {} })
    const token = guest.body.access_token
    expect((await hs.request('GET', '/account/whoami', { token })).body.is_guest).toBe(true)
    const refused = await hs.request('POST', '/_hearth/client/v1/live_token', { token, body: {} })
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  test('by shared secret: the right MAC makes an account, a wrong one or a used nonce does not', async () => {
    await using hs = await startHomeserver({ users: ['root'], admins: ['root'] })
    expect((await hs.as('root').get('/_synapse/admin/v2/users/@root:test')).body.admin).toBe(true)
    const { nonce } = (await hs.request('GET', '/_synapse/admin/v1/register')).body
    const body = { nonce, username: 'eve', password: 'x', mac: '0'.repeat(40) }
    const wrong = await hs.request('POST', '/_synapse/admin/v1/register', { body })
    const again = await hs.request('POST', '/_synapse/admin/v1/register', { body })
    expect([wrong.status, wrong.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect([again.status, again.body.errcode]).toEqual([400, 'M_UNKNOWN'])
  })
})

describe('login', () => {
  test('by localpart, user ID or the old form, in any case', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const password = passwordOf('alice')
    for (const identity of [
      { identifier: { type: 'm.id.user', user: 'alice' } },
      { identifier: { type: 'm.id.user', user: '@Alice:test' } },
      { user: 'ALICE' },
    ]) {
      const answer = await hs.request('POST', '/login', { body: { type: 'm.login.password', ...identity, password } })
      expect([answer.status, answer.body.user_id]).toEqual([200, '@alice:test'])
    }
  })

  test('who cannot prove to be an account of this server is refused', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    for (const [given, status, errcode] of [
      [{ user: 'alice', password: 'wrong' }, 403, 'M_FORBIDDEN'],
      [{ user: 'nobody', password: 'x' }, 403, 'M_FORBIDDEN'],
      [{ user: '@alice:elsewhere', password: 'x' }, 403, 'M_FORBIDDEN'],
      [{ user: 'alice' }, 400, 'M_MISSING_PARAM'],
    ] as const) {
      const refused = await hs.request('POST', '/login', { body: { type: 'm.login.password', ...given } })
      expect([refused.status, refused.body.errcode]).toEqual([status, errcode])
    }
  })

  test('a name is registered in lower case, and its owner may write it as they like', async () => {
    await using hs = await startHomeserver()
    const register = (username: string) =>
      hs.request('POST', '/register', {
        body: { username, password: passwordOf('dora'), auth: { type: 'm.login.dummy' } },
      })

    expect((await register('Dora')).body.user_id).toBe('@dora:test')
    expect((await register('DORA')).body.errcode).toBe('M_USER_IN_USE')
    const available = await hs.request('GET', '/register/available?username=dORA')
    expect(available.body.errcode).toBe('M_USER_IN_USE')
    const body = { type: 'm.login.password', user: 'Dora', password: passwordOf('dora') }
    expect((await hs.request('POST', '/login', { body })).body.user_id).toBe('@dora:test')
  })

  test('a registration repeated after a lost answer, or made twice at once, gets the same answer', async () => {
    await using hs = await startHomeserver()
    const given = { username: 'dora', password: 'x' }
    const { session } = (await hs.request('POST', '/register', { body: given })).body
    const register = () =>
      hs.request('POST', '/register', { body: { ...given, auth: { type: 'm.login.dummy', session } } })

    const [first, second] = await Promise.all([register(), register()])
    const third = await register()

    expect(first.status).toBe(200)
    expect([second.body, third.body]).toEqual([first.body, first.body])
    const other = await hs.request('POST', '/register', { body: { ...given, auth: { type: 'm.login.dummy' } } })
    expect(other.body.errcode).toBe('M_USER_IN_USE')
  })

  test('the name of a device is as long at login as it may be afterwards', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const logIn = (length: number) =>
      hs.request('POST', '/login', {
        body: {
          ...{ type: 'm.login.password', user: 'alice', password: passwordOf('alice') },
          initial_device_display_name: 'x'.repeat(length),
        },
      })

    expect((await logIn(100)).status).toBe(200)
    expect((await logIn(101)).status).toBe(400)
  })

  test('a way to log in that is not offered is M_UNKNOWN', async () => {
    await using hs = await startHomeserver()
    const refused = await hs.request('POST', '/login', { body: { type: 'm.login.magic' } })
    expect([refused.status, refused.body.errcode]).toEqual([400, 'M_UNKNOWN'])
    expect((await hs.request('GET', '/login')).body.flows).toEqual([
      { type: 'm.login.password' },
      { type: 'm.login.token', get_login_token: true },
      { type: 'm.login.application_service' },
    ])
  })

  test('a password of megabytes is refused without being worked on', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    // Each character becomes eighteen when it is normalised.
    const body = { type: 'm.login.password', user: 'alice', password: '\ufdfa'.repeat(3_000_000) }
    const normalize = vi.spyOn(String.prototype, 'normalize')

    const refused = await hs.request('POST', '/login', { body })

    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect(normalize.mock.contexts.filter((text) => String(text).length > 512)).toEqual([])
    normalize.mockRestore()
  })

  test('with the ID of a device in use ends the session before', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const before = hs.as('alice')
    const after = await hs.logIn('alice', { device_id: before.deviceId })
    expect(after.deviceId).toBe(before.deviceId)
    expect((await before.get('/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
    expect((await after.get('/devices')).body.devices).toHaveLength(1)
  })
})

describe('refresh', () => {
  test('gives a new pair; the old pair ends when the new token is used', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const { login, token } = await hs.logIn('alice', { refresh_token: true })
    const exchange = (refresh_token: unknown) => hs.request('POST', '/refresh', { body: { refresh_token } })
    expect(login.expires_in_ms).toBeGreaterThan(0)

    const first = await exchange(login.refresh_token)
    const second = await exchange(login.refresh_token) // the answer to the first was lost
    expect((await hs.request('GET', '/account/whoami', { token: first.body.access_token })).status).toBe(401)
    expect((await hs.request('GET', '/account/whoami', { token })).status).toBe(200)

    expect((await hs.request('GET', '/account/whoami', { token: second.body.access_token })).status).toBe(200)
    const used = await exchange(login.refresh_token)
    expect([used.status, used.body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
    expect((await hs.request('GET', '/account/whoami', { token })).status).toBe(401)
    expect((await exchange(second.body.refresh_token)).status).toBe(200)
  })

  test('a token that has expired asks for a soft logout', async () => {
    let ahead = 0
    await using hs = await startHomeserver({
      users: ['alice'],
      clock: { ...systemClock, now: () => Date.now() + ahead },
    })
    const { token } = await hs.logIn('alice', { refresh_token: true })
    expect((await hs.request('GET', '/account/whoami', { token })).status).toBe(200)
    ahead = 2 * 60 * 60_000
    const refused = await hs.request('GET', '/account/whoami', { token })
    expect([refused.status, refused.body.errcode, refused.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
  })
})

describe('logout', () => {
  test('ends this device at once and no other', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const phone = hs.as('alice')
    const laptop = await hs.logIn('alice')
    expect((await phone.post('/logout')).status).toBe(200)
    expect((await phone.get('/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
    const { devices } = (await laptop.get('/devices')).body
    expect(devices.map((device: { device_id: string }) => device.device_id)).toEqual([laptop.deviceId])
  })

  test('everywhere ends every device', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const phone = hs.as('alice')
    const laptop = await hs.logIn('alice')
    expect((await phone.post('/logout/all')).status).toBe(200)
    for (const device of [phone, laptop]) expect((await device.get('/account/whoami')).status).toBe(401)
  })
})

test('neither a token nor a password is anywhere in the database', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const { token, login } = await hs.logIn('alice', { refresh_token: true })
  const folder = join(hs.dataDir, 'db')
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name))
    for (const secret of [token, String(login.refresh_token), passwordOf('alice')])
      expect(bytes.includes(secret)).toBe(false)
  }
})
