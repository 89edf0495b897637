/** Mail addresses of accounts, over HTTP and a real mail server, and login tokens. */
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.js'
import { passwordOf, startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

let mailServer: SMTPServer
let mails: { to: string[]; text: string }[] = []
let refusesMails = false

beforeAll(async () => {
  mailServer = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (refusesMails) return done(new Error('no mails today'))
        const text = decodeQuotedPrintable(Buffer.concat(chunks).toString('utf8'))
        mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve))
})
afterAll(() => new Promise<void>((resolve) => mailServer.close(resolve)))
beforeEach(() => {
  mails = []
  refusesMails = false
})

const decodeQuotedPrintable = (text: string) =>
  text
    .replaceAll('=\r\n', '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

const start = (options: Parameters<typeof startHomeserver>[0] = {}) =>
  startHomeserver({
    ...options,
    config(config) {
      const { port } = mailServer.server.address() as AddressInfo
      Object.assign(config.email, { smtp_url: `smtp://127.0.0.1:${port}`, from: 'hearth@example.org' })
      config.public_baseurl = 'https://hearth.example.org/'
      options.config?.(config)
    },
  })

const secret = 'a-secret.of=mine_1'
const ask = (hs: TestHomeserver, what: string, email: string, more: object = {}) =>
  hs.request('POST', `/${what}/email/requestToken`, {
    body: { client_secret: secret, email, send_attempt: 1, ...more },
  })
/** The path behind the link in the newest mail. */
const linkOf = (mail = mails.at(-1)!) => {
  const { pathname, search, origin } = new URL(/https:\S+/.exec(mail.text)![0])
  expect(origin).toBe('https://hearth.example.org')
  return pathname + search
}
const confirm = (hs: TestHomeserver, link = linkOf()) => hs.request('POST', link)
const creds = (sid: string) => ({ sid, client_secret: secret })
const withPassword = (localpart: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: localpart },
  password: passwordOf(localpart),
})
async function giveAddress(hs: TestHomeserver, localpart: string, email: string): Promise<void> {
  const { sid } = (await ask(hs, 'account/3pid', email)).body
  await confirm(hs)
  const body = { ...creds(sid), auth: withPassword(localpart) }
  expect((await hs.as(localpart).request('POST', '/account/3pid/add', { body })).status).toBe(200)
}

describe('an address of an account', () => {
  test('is added once it is confirmed by its mail, is listed, logs in, and is given up', async () => {
    await using hs = await start({ users: ['alice', 'bob'] })
    const alice = hs.as('alice')
    const add = (body: object) => alice.request('POST', '/account/3pid/add', { body })
    expect((await alice.request('GET', '/capabilities')).body.capabilities['m.3pid_changes']).toEqual({ enabled: true })

    const { sid } = (await ask(hs, 'account/3pid', 'Alice@Example.ORG')).body
    expect(mails.map(({ to }) => to)).toEqual([['alice@example.org']])
    const early = await add({ ...creds(sid), auth: withPassword('alice') })
    expect([early.status, early.body.errcode]).toEqual([401, 'M_THREEPID_AUTH_FAILED'])

    // A mail program that looks at the link confirms nothing.
    const shown = await hs.request('GET', linkOf())
    expect(String(shown.body)).toContain('alice@example.org')
    expect((await add({ ...creds(sid), auth: withPassword('alice') })).status).toBe(401)
    expect((await confirm(hs)).status).toBe(200)

    expect((await add(creds(sid))).body.flows).toEqual([{ stages: ['m.login.password'] }])
    const other = await add({ sid, client_secret: 'another', auth: withPassword('alice') })
    expect([other.status, other.body.errcode]).toEqual([401, 'M_THREEPID_AUTH_FAILED'])
    expect((await add({ ...creds(sid), auth: withPassword('alice') })).status).toBe(200)
    const { threepids } = (await alice.request('GET', '/account/3pid')).body
    expect(threepids).toMatchObject([{ medium: 'email', address: 'alice@example.org' }])

    // What a session has proved once it does not prove again.
    expect((await add({ ...creds(sid), auth: withPassword('alice') })).status).toBe(401)
    const taken = await ask(hs, 'account/3pid', 'ALICE@example.org')
    expect([taken.status, taken.body.errcode]).toEqual([400, 'M_THREEPID_IN_USE'])

    const logIn = (identifier: object, password: string) =>
      hs.request('POST', '/login', { body: { type: 'm.login.password', identifier, password } })
    const identifier = { type: 'm.id.thirdparty', medium: 'email', address: 'alice@EXAMPLE.org' }
    expect((await logIn(identifier, passwordOf('alice'))).body.user_id).toBe('@alice:test')
    for (const address of ['nobody@example.org', 'no address'])
      expect((await logIn({ ...identifier, address }, passwordOf('alice'))).body.errcode).toBe('M_FORBIDDEN')

    const address = { medium: 'email', address: 'alice@example.org' }
    await hs.as('bob').request('POST', '/account/3pid/delete', { body: address })
    expect((await alice.request('GET', '/account/3pid')).body.threepids).toHaveLength(1)
    const given = await alice.request('POST', '/account/3pid/delete', { body: address })
    expect(given.body).toEqual({ id_server_unbind_result: 'no-support' })
    expect((await alice.request('GET', '/account/3pid')).body.threepids).toEqual([])
    expect((await logIn(identifier, passwordOf('alice'))).status).toBe(403)
  })

  test('that two confirm at once is one’s', async () => {
    await using hs = await start({ users: ['alice', 'bob'] })
    const sids: string[] = []
    for (const clientSecret of ['one', 'two']) {
      sids.push((await ask(hs, 'account/3pid', 'us@example.org', { client_secret: clientSecret })).body.sid)
      await confirm(hs)
    }
    const answers = await Promise.all(
      ['alice', 'bob'].map((name, i) => {
        const body = { sid: sids[i], client_secret: ['one', 'two'][i], auth: withPassword(name) }
        return hs.as(name).request('POST', '/account/3pid/add', { body })
      }),
    )
    expect(answers.map(({ status, body }) => [status, body.errcode]).sort()).toEqual([
      [200, undefined],
      [400, 'M_THREEPID_IN_USE'],
    ])
  })

  test('registers with the account, and is free again when that is closed', async () => {
    await using hs = await start()
    const { sid } = (await ask(hs, 'register', 'carol@example.org')).body
    await confirm(hs)
    const account = { username: 'carol', password: 'a long password' }
    const asked = await hs.request('POST', '/register', { body: account })
    expect(asked.body.flows).toEqual([
      { stages: ['m.login.dummy'] },
      { stages: ['m.login.dummy', 'm.login.email.identity'] },
    ])
    const { session } = asked.body
    const email = { type: 'm.login.email.identity', threepid_creds: creds(sid), session }
    const half = await hs.request('POST', '/register', { body: { ...account, auth: email } })
    expect([half.status, half.body.completed]).toEqual([401, ['m.login.email.identity']])
    const done = await hs.request('POST', '/register', {
      body: { ...account, auth: { type: 'm.login.dummy', session } },
    })
    const token = done.body.access_token
    const { threepids } = (await hs.request('GET', '/account/3pid', { token })).body
    expect(threepids).toMatchObject([{ address: 'carol@example.org' }])

    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'carol' },
      password: 'a long password',
    }
    const closed = await hs.request('POST', '/account/deactivate', { token, body: { auth } })
    expect(closed.status).toBe(200)
    expect((await ask(hs, 'register', 'carol@example.org', { send_attempt: 2 })).status).toBe(200)
  })

  test('sets a forgotten password anew, once, and ends every session', async () => {
    await using hs = await start({ users: ['alice'] })
    await giveAddress(hs, 'alice', 'alice@example.org')
    const nobody = await ask(hs, 'account/password', 'nobody@example.org')
    expect([nobody.status, nobody.body.errcode]).toEqual([400, 'M_THREEPID_NOT_FOUND'])
    const { sid } = (await ask(hs, 'account/password', 'alice@example.org', { client_secret: 'reset' })).body
    const auth = { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: 'reset' } }
    const set = (password: string) =>
      hs.request('POST', '/account/password', { body: { new_password: password, auth } })

    expect((await set('too early a password')).body).toMatchObject({
      errcode: 'M_THREEPID_AUTH_FAILED',
      flows: [{ stages: ['m.login.email.identity'] }],
    })
    await confirm(hs)
    expect((await set('a new long password')).status).toBe(200)
    expect((await set('yet another password')).status).toBe(401)

    const logIn = (password: string) =>
      hs.request('POST', '/login', { body: { type: 'm.login.password', user: 'alice', password } })
    expect((await logIn(passwordOf('alice'))).status).toBe(403)
    expect((await logIn('a new long password')).status).toBe(200)
    expect((await hs.as('alice').request('GET', '/account/whoami')).status).toBe(401)
  })
})

describe('mails', () => {
  test('one goes out for each attempt; the newest link is good, for half an hour', async () => {
    const clock = fakeClock()
    await using hs = await start({ users: ['alice'], clock })
    const first = await ask(hs, 'account/3pid', 'a@example.org')
    const again = await ask(hs, 'account/3pid', 'a@example.org')
    expect(again.body.sid).toBe(first.body.sid)
    expect(mails).toHaveLength(1)
    const old = linkOf()
    await ask(hs, 'account/3pid', 'a@example.org', { send_attempt: 2, next_link: 'https://app.example.org/?<x>' })
    expect(mails).toHaveLength(2)
    expect((await confirm(hs, old)).status).toBe(404)
    const confirmed = await confirm(hs)
    expect(confirmed.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(String(confirmed.body)).toContain('href="https://app.example.org/?%3Cx%3E"')
    clock.jump(31 * 60_000)
    expect((await hs.request('GET', linkOf())).status).toBe(404)
  })

  test.each(['javascript:alert(1)', 'not a link', 'data:text/html,x'])('%s is no place to go on to', async (link) => {
    await using hs = await start({ users: ['alice'] })
    await ask(hs, 'account/3pid', 'a@example.org', { next_link: link })
    expect(String((await confirm(hs)).body)).not.toContain('href')
  })

  test('what is no address is refused, and no header is written by one', async () => {
    await using hs = await start({ users: ['alice'] })
    const bad = ['a', 'a@b', 'a@b.c\r\nBcc: d@e.f', 'a@b.c, d@e.f', '"a" <a@b.c>', `${'a'.repeat(300)}@b.c`, 'a@@b.c']
    for (const email of bad) {
      const refused = await ask(hs, 'account/3pid', email)
      expect([refused.status, refused.body.errcode], email).toEqual([400, 'M_INVALID_PARAM'])
    }
    expect(mails).toEqual([])
  })

  test('nobody’s mailbox is flooded, and a mail that did not go out can be asked for again', async () => {
    await using hs = await start({ users: ['alice'] })
    refusesMails = true
    const failed = await ask(hs, 'account/3pid', 'a@example.org')
    expect([failed.status, failed.body.errcode]).toEqual([502, 'M_UNKNOWN'])
    refusesMails = false
    expect((await ask(hs, 'account/3pid', 'a@example.org')).status).toBe(200)
    const statuses = []
    for (let n = 2; n < 8; n++)
      statuses.push((await ask(hs, 'account/3pid', 'a@example.org', { send_attempt: n })).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429])
    expect((await ask(hs, 'account/3pid', 'b@example.org')).status).toBe(200)
  })

  test('without a mail server, and for phone numbers, there are none', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const none = await ask(hs, 'account/3pid', 'a@example.org')
    expect([none.status, none.body.errcode]).toEqual([400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'])
    const body = { client_secret: secret, country: 'GB', phone_number: '07700900001', send_attempt: 1 }
    for (const what of ['register', 'account/password', 'account/3pid']) {
      const phone = await hs.request('POST', `/${what}/msisdn/requestToken`, { body })
      expect([phone.status, phone.body.errcode]).toEqual([400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'])
    }
    const forgotten = await hs.request('POST', '/account/password', { body: { new_password: 'a long password' } })
    expect([forgotten.status, forgotten.body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
  })

  test('no token and no address of anybody reaches the log', async () => {
    const lines: string[] = []
    await using hs = await start({ users: ['alice'], log: (line) => lines.push(line) })
    await giveAddress(hs, 'alice', 'alice@example.org')
    const token = new URL(`http://x${linkOf()}`).searchParams.get('token')!
    expect(lines.length).toBeGreaterThan(0)
    expect(
      lines.filter((line) => line.includes(token) || line.includes(secret) || line.includes('alice@example')),
    ).toEqual([])
  })
})

describe('a login token', () => {
  const issue = async (hs: TestHomeserver) => {
    const answer = await hs
      .as('alice')
      .request('POST', '/_matrix/client/v1/login/get_token', { body: { auth: withPassword('alice') } })
    expect(answer.status).toBe(200)
    return answer.body.login_token as string
  }
  const logIn = (hs: TestHomeserver, token: string) =>
    hs.request('POST', '/login', { body: { type: 'm.login.token', token } })

  test('logs one further device in, once, after its user proved who they are', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const asked = await hs.as('alice').request('POST', '/_matrix/client/v1/login/get_token', { body: {} })
    expect([asked.status, asked.body.flows]).toEqual([401, [{ stages: ['m.login.password'] }]])
    const token = await issue(hs)
    const both = await Promise.all([logIn(hs, token), logIn(hs, token)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 403])
    expect(both.find(({ status }) => status === 200)!.body.user_id).toBe('@alice:test')
    expect((await logIn(hs, 'htl_made_up')).body.errcode).toBe('M_FORBIDDEN')
  })

  test('is no good after two minutes, nor after the session or the password that it came of', async () => {
    const clock = fakeClock()
    await using hs = await startHomeserver({ users: ['alice'], clock })
    const old = await issue(hs)
    clock.jump(2 * 60_000)
    expect((await logIn(hs, old)).status).toBe(403)

    const before = await issue(hs)
    const body = { new_password: 'a new long password', logout_devices: false, auth: withPassword('alice') }
    await hs.as('alice').request('POST', '/account/password', { body })
    expect((await logIn(hs, before)).status).toBe(403)

    const auth = { ...withPassword('alice'), password: 'a new long password' }
    const answer = await hs.as('alice').request('POST', '/_matrix/client/v1/login/get_token', { body: { auth } })
    await hs.as('alice').request('POST', '/logout')
    expect((await logIn(hs, answer.body.login_token)).status).toBe(403)
  })
})
