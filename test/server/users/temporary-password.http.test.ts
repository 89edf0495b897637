/** A password that an administrator hands out, and what nobody may choose. */
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const give = (hs: TestHomeserver, user: string, body: object = {}) =>
  hs.as('ana').post(`/_hearth/admin/v1/users/${user}/temporary_password`, body)
const logIn = (hs: TestHomeserver, user: string, password: string) =>
  hs.request('POST', '/login', {
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
  })
const mustChange = async (hs: TestHomeserver, token: string) =>
  (await hs.request('GET', '/_hearth/client/v1/server_info', { token })).body.must_change_password

describe('a temporary password', () => {
  test('signs its user in, who is asked for one of their own until they have set it', async () => {
    await using hs = await startHomeserver({ users: ['ana', 'bo'], admins: ['ana'] })
    expect(await mustChange(hs, hs.as('bo').token)).toBe(false)

    const { password } = (await give(hs, '@bo:test')).body
    const login = (await logIn(hs, 'bo', password)).body

    expect(await mustChange(hs, login.access_token)).toBe(true)
    expect((await hs.as('bo').get('/account/whoami')).status).toBe(401)
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bo' }, password }
    const asked = await hs.request('POST', '/account/password', {
      token: login.access_token,
      body: { new_password: 'one of my own' },
    })
    const changed = await hs.request('POST', '/account/password', {
      token: login.access_token,
      body: { new_password: 'one of my own', auth: { ...auth, session: asked.body.session } },
    })
    expect(changed.status).toBe(200)
    expect(await mustChange(hs, login.access_token)).toBe(false)
    expect((await logIn(hs, 'bo', password)).status).toBe(403)
  })

  test('leaves sessions alone where it is asked to', async () => {
    await using hs = await startHomeserver({ users: ['ana', 'bo'], admins: ['ana'] })

    expect((await give(hs, '@bo:test', { logout_devices: false })).status).toBe(200)

    expect((await hs.as('bo').get('/account/whoami')).status).toBe(200)
  })

  test('is another each time, and is given by administrators to others alone', async () => {
    await using hs = await startHomeserver({ users: ['ana', 'bo'], admins: ['ana'] })
    const [first, second] = [await give(hs, '@bo:test'), await give(hs, '@bo:test')]
    expect(first.body.password).toMatch(/^([a-z]{6}-){3}[a-z]{6}$/)
    expect(second.body.password).not.toBe(first.body.password)

    expect((await give(hs, '@ana:test')).status).toBe(403)
    expect((await give(hs, '@nobody:test')).status).toBe(404)
    await using other = await startHomeserver({ users: ['bo'] })
    const refused = await other.as('bo').post('/_hearth/admin/v1/users/@bo:test/temporary_password', {})
    expect(refused.status).toBe(403)
  })
})

test.each(['password', 'Password1', '12345678', 'qwertyuiop'])('nobody may have the password %s', async (password) => {
  await using hs = await startHomeserver()
  const refused = await hs.request('POST', '/register', {
    body: { username: 'bo', password, auth: { type: 'm.login.dummy' } },
  })
  expect(refused.body.errcode).toBe('M_WEAK_PASSWORD')
})
