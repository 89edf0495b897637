/** The first run's rules: names, passwords, where a refusal leads back to. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type Answers,
  canBeFound,
  checkStep,
  cleanUsername,
  readSetup,
  sendAnswers,
  stepOfRefusal,
} from '../../renderer/features/onboarding/answers.js'
import { takeAddressSecrets } from '../../renderer/platform/address-secrets.js'
import { MatrixRequestError } from '../../renderer/platform/matrix/errors.js'
import type { MatrixHttp } from '../../renderer/platform/matrix/http.js'
import { strengthOf } from '../../renderer/ui/password-strength.js'

const good: Answers = { username: 'ana', serverName: 'home.local', password: 'a long way home', federation: 'local' }
const wrong = (changes: Partial<Answers>) =>
  (['name', 'server', 'password'] as const).flatMap((step) => Object.keys(checkStep(step, { ...good, ...changes })))

describe('the questions', () => {
  test('take a user name and a server name', () => {
    expect(wrong({})).toEqual([])
    expect(wrong({ username: ' @Ana ' })).toEqual([])
    expect(cleanUsername(' @Ana ')).toBe('ana')
  })

  test.each(['', 'ana maria', 'günther', 'ana:home', 'hearth'])('refuses %j as a user name', (username) => {
    expect(wrong({ username })).toEqual(['username'])
  })

  test.each(['localhost', 'example.org', 'home', '192.0.2.7:8448', '[2001:db8::1]', 'example.org:8448'])(
    'takes %j as a server name',
    (serverName) => expect(wrong({ serverName })).toEqual([]),
  )

  test.each(['', 'my server', 'https://example.org', 'exämple.org', '-a.org', 'a.org/', 'a_b.org', 'a.org:'])(
    'refuses %j as a server name',
    (serverName) => expect(wrong({ serverName })).toEqual(['serverName']),
  )

  test('each is asked for its own answer alone', () => {
    const nothing: Answers = { username: '', serverName: '', password: '', federation: 'local' }
    expect(Object.keys(checkStep('name', nothing))).toEqual(['username'])
    expect(Object.keys(checkStep('server', nothing))).toEqual(['serverName'])
    expect(Object.keys(checkStep('password', nothing))).toEqual(['password'])
    expect(checkStep('reach', nothing)).toEqual({})
  })

  test.each(['🔥🔥🔥🔥🔥🔥🔥', 'password', 'ana.home.local', 'aaaaaaaaaaaaaaaa'])(
    'refuse the password %j',
    (password) => {
      expect(wrong({ password })).toEqual(['password'])
    },
  )
})

test.each([
  ['example.org', true],
  ['chat.example.co.uk:8448', true],
  ['home', false],
  ['localhost', false],
  ['home.local', false],
  ['server.home.arpa', false],
  ['192.0.2.7', false],
])('%s can be found by other servers: %s', (name, expected) => {
  expect(canBeFound(name)).toBe(expected)
})

describe('sending the answers', () => {
  const stored = new Map<string, string>()
  beforeEach(() => {
    stored.clear()
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => stored.set(key, value),
      removeItem: (key: string) => stored.delete(key),
    })
  })
  afterEach(() => vi.unstubAllGlobals())

  test('shows the secret of the address, which then stands in no history, and forgets it when all is done', async () => {
    const replaced: unknown[] = []
    vi.stubGlobal('location', { hash: '#setup=se-s_ame', pathname: '/', search: '' })
    vi.stubGlobal('history', { replaceState: (...given: unknown[]) => replaced.push(given[2]) })
    const sent: { headers?: unknown }[] = []
    const http = {
      request: async (_method: string, _path: string, options: { headers?: unknown }) => {
        sent.push(options)
        return { state: 'needed', user_id: '@ana:home.local', access_token: 'T', device_id: 'D' }
      },
    } as unknown as MatrixHttp

    takeAddressSecrets()
    await readSetup(http)
    await sendAnswers(http, good)
    await readSetup(http)

    expect(replaced).toEqual(['/'])
    expect(sent.map(({ headers }) => headers)).toEqual([
      { 'x-hearth-setup': 'se-s_ame' },
      { 'x-hearth-setup': 'se-s_ame' },
      {},
    ])
  })

  test('a path of the app in the address is no secret', () => {
    vi.stubGlobal('location', { hash: '#/room/x', pathname: '/', search: '' })
    takeAddressSecrets()
    expect(stored.size).toBe(0)
  })

  test('gives the session and the Notes room', async () => {
    const sent: unknown[] = []
    const http = {
      request: async (...given: unknown[]) => {
        sent.push(given)
        return { user_id: '@ana:home.local', access_token: 'T', device_id: 'D', notes_room_id: '!n' }
      },
    } as unknown as MatrixHttp

    const { session, notesRoomId } = await sendAnswers(http, { ...good, username: '@Ana', serverName: 'Home.Local ' })

    expect(session).toEqual({ userId: '@ana:home.local', accessToken: 'T', deviceId: 'D' })
    expect(notesRoomId).toBe('!n')
    const body = { username: 'ana', server_name: 'home.local', password: 'a long way home', federation: 'local' }
    expect(sent).toEqual([['POST', '/_hearth/client/v1/onboarding', { isPublic: true, headers: {}, body }]])
  })

  test('a refused name leads back to the question that asked for it', () => {
    const refusal = (errcode: string) => new MatrixRequestError(400, errcode, '', undefined, {})

    expect(stepOfRefusal(refusal('M_INVALID_USERNAME'))).toBe('name')
    expect(stepOfRefusal(refusal('M_WEAK_PASSWORD'))).toBe('password')
    expect(stepOfRefusal(refusal('M_INVALID_PARAM'))).toBe('server')
    expect(stepOfRefusal(refusal('M_UNKNOWN'))).toBeUndefined()
    expect(stepOfRefusal(new Error('no network'))).toBeUndefined()
  })
})

describe('the hint about a password', () => {
  test.each([
    ['short', 'short'],
    ['password', 'weak'],
    ['12345678', 'weak'],
    ['aaaaaaaaaaaaaaaa', 'weak'],
    ['ana.home.local', 'weak'],
    ['kR4!mT9#', 'fair'],
    ['correct horse battery staple', 'good'],
  ])('%j is %s', (password, strength) => {
    expect(strengthOf(password, ['ana', 'home.local'])).toBe(strength)
  })
})
