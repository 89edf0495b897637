/** From an empty data directory to an administrator with a Notes room. */
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const path = '/_hearth/client/v1/onboarding'
const answers = {
  server_name: 'home.example',
  username: 'ana',
  password: 'long enough',
  display_name: 'Ana',
  federation: 'local',
}

/** A tunnel that passes bytes on: to the server everybody behind it comes from this machine. */
async function startSilentProxy(to: string) {
  const { port: target, host } = new URL(to)
  const server = createServer((near) => {
    const far = connect(Number(target), '127.0.0.1')
    near.on('error', () => far.destroy()).pipe(far)
    far.on('error', () => near.destroy()).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { server, url: `http://${host.split(':')[0]}:${port}` }
}

/** As the page does that was opened at the address which the server gave out. */
const secretOf = (hs: TestHomeserver) => ({ 'x-hearth-setup': hs.server.setupSecret ?? '' })
const readAs = (hs: TestHomeserver) => hs.request('GET', path, { headers: secretOf(hs) })
const answerAs = (hs: TestHomeserver, body: unknown = answers) =>
  hs.request('POST', path, { body, headers: secretOf(hs) })

describe('onboarding', () => {
  test('before it: versions and health are answered, everything else says that nothing is set up', async () => {
    await using hs = await startHomeserver({ serverName: null })
    expect(hs.server.needsOnboarding()).toBe(true)
    expect(hs.server.serverName).toBeUndefined()
    expect((await hs.request('GET', '/_matrix/client/versions')).status).toBe(200)
    expect((await hs.request('GET', '/health')).body).toEqual({ status: 'ok' })
    expect((await readAs(hs)).body).toEqual({ state: 'needed', data_dir: hs.dataDir })
    const login = await hs.request('POST', '/login', { body: { type: 'm.login.password', user: 'x', password: 'x' } })
    expect([login.status, login.body.errcode]).toEqual([503, 'M_UNKNOWN'])
    expect((await hs.request('GET', '/sync', { token: 'x' })).status).not.toBe(200)
  })

  test('makes an administrator who can chat, and happens once', async () => {
    await using hs = await startHomeserver({ serverName: null })
    const headers = secretOf(hs)
    const done = await answerAs(hs)
    const token = done.body.access_token

    expect([done.status, done.body.user_id]).toEqual([200, '@ana:home.example'])
    expect(hs.server.serverName).toBe('home.example')
    expect(hs.server.needsOnboarding()).toBe(false)
    expect((await hs.request('GET', '/account/whoami', { token })).body.user_id).toBe('@ana:home.example')
    expect((await hs.request('GET', '/_synapse/admin/v2/users/@ana:home.example', { token })).body.admin).toBe(true)
    expect((await hs.request('GET', '/profile/@ana:home.example')).body).toEqual({ displayname: 'Ana' })
    expect(JSON.parse(await readFile(join(hs.dataDir, 'hearth.json'), 'utf8'))).toMatchObject({
      server_name: 'home.example',
    })

    const joined = (await hs.request('GET', '/joined_rooms', { token })).body.joined_rooms
    expect(joined).toEqual([done.body.notes_room_id])
    const room = await hs.request('GET', `/_synapse/admin/v1/rooms/${encodeURIComponent(joined[0])}`, { token })
    expect(room.body).toMatchObject({ name: 'Notes', joined_members: 2, creator: '@ana:home.example' })

    expect((await hs.request('GET', path, { headers })).body).toEqual({ state: 'done', server_name: 'home.example' })
    expect(hs.server.setupSecret).toBeUndefined()
    const again = await hs.request('POST', path, { headers, body: { ...answers, username: 'eve' } })
    expect([again.status, again.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  test('two at once make one administrator', async () => {
    await using hs = await startHomeserver({ serverName: null })
    const both = await Promise.all(['ana', 'eve'].map((username) => answerAs(hs, { ...answers, username })))
    expect(both.map(({ status }) => status).sort()).toEqual([200, 403])
  })

  test('is not for other machines or other pages, even with the secret', async () => {
    await using hs = await startHomeserver({ serverName: null })
    for (const [name, value] of [
      ['origin', 'https://evil.example'],
      ['x-forwarded-for', '203.0.113.7'],
    ] as const) {
      const headers = { ...secretOf(hs), [name]: value }
      expect((await hs.request('POST', path, { headers, body: answers })).status).toBe(403)
      expect((await hs.request('GET', path, { headers })).body).toEqual({ state: 'needed' })
    }
    expect(hs.server.needsOnboarding()).toBe(true)
  })

  test('behind a proxy that says nothing of those it speaks for, a stranger sets nothing up and is told nothing', async () => {
    await using hs = await startHomeserver({ serverName: null, sockets: true })
    const { server: proxy, url } = await startSilentProxy(hs.server.clientUrl!)
    try {
      const ask = async (method: string, at: string, headers: Record<string, string> = {}, body?: unknown) => {
        const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
        const answer = await fetch(`${url}${at}`, init)
        return { status: answer.status, body: await answer.json() }
      }
      expect((await ask('POST', path, {}, answers)).status).toBe(403)
      for (const guess of ['', 'x', hs.server.setupSecret!.slice(1), `${hs.server.setupSecret}x`])
        expect((await ask('POST', path, { 'x-hearth-setup': guess }, answers)).status, guess).toBe(403)
      expect((await ask('GET', path)).body).toEqual({ state: 'needed' })
      expect((await ask('GET', '/metrics')).status).toBe(401)
      expect(hs.server.needsOnboarding()).toBe(true)

      const owner = { 'x-hearth-setup': hs.server.setupSecret! }
      expect((await ask('GET', path, owner)).body.data_dir).toBe(hs.dataDir)
      expect((await ask('POST', path, owner, answers)).status).toBe(200)
    } finally {
      proxy.close()
    }
  })

  test('has another secret at each start, and writes none of them to the log', async () => {
    const lines: string[] = []
    const secrets: string[] = []
    for (let i = 0; i < 2; i++) {
      await using hs = await startHomeserver({ serverName: null, log: (line) => lines.push(line) })
      secrets.push(hs.server.setupSecret!)
      await readAs(hs)
      await hs.request('POST', path, { body: { ...answers, username: '' }, headers: secretOf(hs) })
    }
    expect(secrets[0]).toMatch(/^[\w-]{43}$/)
    expect(secrets[1]).not.toBe(secrets[0])
    expect(lines.length).toBeGreaterThan(0)
    for (const secret of secrets) expect(lines.join()).not.toContain(secret)
  })

  test('what cannot be is refused, and can be tried again', async () => {
    await using hs = await startHomeserver({ serverName: null })
    for (const [change, errcode] of [
      [{ server_name: 'not a name' }, 'M_BAD_JSON'],
      [{ password: 'short' }, 'M_BAD_JSON'],
      [{ federation: 'perhaps' }, 'M_BAD_JSON'],
      [{ username: 'Ana!' }, 'M_INVALID_USERNAME'],
      [{ username: 'hearth' }, 'M_USER_IN_USE'],
    ] as const) {
      const refused = await answerAs(hs, { ...answers, ...change })
      expect([refused.status, refused.body.errcode]).toEqual([400, errcode])
    }
    expect((await answerAs(hs)).status).toBe(200)
  })

  test('where the configuration names the server, no other name is taken', async () => {
    await using hs = await startHomeserver({ serverName: 'home.example' })
    expect((await readAs(hs)).body).toMatchObject({ state: 'needed', server_name: 'home.example' })
    const other = await answerAs(hs, { ...answers, server_name: 'other.example' })
    expect([other.status, other.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    expect((await answerAs(hs)).status).toBe(200)
  })
})

test('a live token names its user, device and session, and holds no Matrix token', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const alice = await hs.logIn('alice', { refresh_token: true })
  const { token, url, namespace, database, expires_in_ms } = (await alice.post('/_hearth/client/v1/live_token')).body
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())

  expect(claims).toMatchObject({
    NS: 'matrix',
    DB: 'homeserver',
    AC: 'matrix_client',
    matrix_user_id: '@alice:test',
    matrix_device_id: alice.deviceId,
  })
  expect(JSON.stringify(claims)).not.toContain(alice.token)
  expect(claims.matrix_refresh_token).toEqual(expect.any(String))
  expect(expires_in_ms).toBeLessThanOrEqual(3_600_000)
  expect([namespace, database]).toEqual(['matrix', 'homeserver'])
  expect(new URL(url).pathname).toBe('/_hearth/live/rpc')
})
