/**
 * Bad input over HTTP, at a whole homeserver with sockets: each is refused as the specification says, nothing of it is
 * stored, no secret comes into the log, and the server goes on.
 */
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Answer,
  passwordOf,
  startHomeserver,
  type TestClient,
  type TestHomeserver,
} from '../../support/homeserver.js'

let hs: TestHomeserver
let alice: TestClient
let roomId: string
let stateBefore: unknown
const log: string[] = []

beforeAll(async () => {
  hs = await startHomeserver({ users: ['alice', 'bob'], sockets: true, log: (line) => void log.push(line) })
  alice = hs.as('alice')
  roomId = await alice.createRoom({ preset: 'public_chat' })
  await alice.say(roomId, 'before')
})
afterAll(() => hs?.close())

const inRoom = (rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const readState = async () =>
  (await alice.get(inRoom('state'))).body.map(({ event_id }: { event_id: string }) => event_id).sort()
let nextTxn = 0
const send = (body: unknown, type = 'm.room.message') => alice.put(inRoom(`send/${type}/bad${nextTxn++}`), body)
const refusal = ({ status, body }: Answer) => [status, body.errcode]

// After every test: the room is as it was, the server answers, and nothing failed that was not meant to.
beforeEach(async () => {
  log.length = 0
  stateBefore = await readState()
})
afterEach(async () => {
  expect(await alice.timeline(roomId)).toEqual(['before'])
  expect(await readState()).toEqual(stateBefore)
  expect(log.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
  expect(JSON.stringify(log)).not.toContain(alice.token)
  expect(JSON.stringify(log)).not.toContain(passwordOf('alice'))
})

describe('bodies', () => {
  test.each([
    ['cut off', '{"msgtype":'],
    ['with something after it', '{} {}'],
    ['of single quotes', "{'msgtype':'m.text'}"],
    ['with NaN', '{"n":NaN}'],
    ['binary', new Uint8Array([0x1f, 0x8b, 0x08, 0x00, 0xff])],
    ['with bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d])],
    [
      'with a surrogate in its bytes',
      new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]),
    ],
  ])('%s: 400 M_NOT_JSON', async (_, body) => {
    const wanted = [400, 'M_NOT_JSON']
    expect(refusal(await alice.request('POST', '/createRoom', { body }))).toEqual(wanted)
    expect(refusal(await hs.request('POST', '/login', { body }))).toEqual(wanted)
  })

  test('empty where something is needed: 400 M_NOT_JSON', async () => {
    expect(refusal(await hs.request('POST', '/login'))).toEqual([400, 'M_NOT_JSON'])
    expect(refusal(await alice.request('POST', inRoom('invite')))).toEqual([400, 'M_NOT_JSON'])
  })

  test.each([
    ['a list', '/createRoom', []],
    ['a text', '/createRoom', '"text"'],
    ['null', '/createRoom', 'null'],
    ['a number where a text belongs', '/createRoom', { name: 7 }],
    ['a text where a list belongs', '/createRoom', { invite: '@bob:test' }],
    ['a list with a wrong member', '/createRoom', { initial_state: [{ type: 7 }] }],
    ['an object where a flag belongs', '/createRoom', { is_direct: {} }],
    ['no user ID', '/createRoom', { invite: ['bob'] }],
    ['no visibility of the specification', '/createRoom', { visibility: 'sometimes' }],
  ])('%s: 400 M_BAD_JSON', async (_, path, body) => {
    expect(refusal(await alice.post(path, body))).toEqual([400, 'M_BAD_JSON'])
    expect((await alice.get('/joined_rooms')).body.joined_rooms).toEqual([roomId])
  })

  test('JSON 2,000 deep: 400 M_BAD_JSON', async () => {
    const body = `{"body":${'['.repeat(2_000)}${']'.repeat(2_000)}}`
    expect(refusal(await send(body))).toEqual([400, 'M_BAD_JSON'])
    expect(refusal(await alice.put(inRoom('state/org.example.deep/'), body))).toEqual([400, 'M_BAD_JSON'])
    const path = `/user/${encodeURIComponent(alice.userId)}/account_data/org.example.deep`
    expect(refusal(await alice.put(path, body))).toEqual([400, 'M_BAD_JSON'])
  })

  test('10 MB: 413 M_TOO_LARGE, over a socket too, without the body being kept', async () => {
    const body = `{"body":"${'x'.repeat(10 * 1024 * 1024)}"}`
    expect(refusal(await send(body))).toEqual([413, 'M_TOO_LARGE'])
    const url = `${hs.server.clientUrl}_matrix/client/v3${inRoom(`send/m.room.message/bad${nextTxn++}`)}`
    const answer = await fetch(url, { method: 'PUT', headers: { authorization: `Bearer ${alice.token}` }, body })
    expect([answer.status, (await answer.json()).errcode]).toEqual([413, 'M_TOO_LARGE'])
  })
})

describe('routes', () => {
  test.each([
    '/_matrix/client/v3/nonsense',
    '/_matrix/client/v9/sync',
    '/_matrix/client/v3/account/whoami/more',
    '/_matrix/nonsense',
    '/_matrix/client/v3//sync',
    '/_matrix/client/v3/ROOMS',
  ])('%s: 404 M_UNRECOGNIZED, with a token or without', async (path) => {
    expect(refusal(await hs.request('GET', path))).toEqual([404, 'M_UNRECOGNIZED'])
    expect(refusal(await alice.get(path))).toEqual([404, 'M_UNRECOGNIZED'])
    expect(refusal(await alice.post(path, {}))).toEqual([404, 'M_UNRECOGNIZED'])
  })

  test.each([
    ['DELETE', '/sync'],
    ['POST', '/account/whoami'],
    ['GET', '/createRoom'],
    ['PATCH', '/login'],
    ['PUT', '/joined_rooms'],
  ])('%s %s: 405 M_UNRECOGNIZED', async (method, path) => {
    expect(refusal(await hs.request(method, path))).toEqual([405, 'M_UNRECOGNIZED'])
    expect(refusal(await alice.request(method, path))).toEqual([405, 'M_UNRECOGNIZED'])
  })
})

describe('tokens', () => {
  test.each([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['another scheme', 'Basic YWxpY2U6cGFzc3dvcmQ='],
    ['two words', 'Bearer one two'],
  ])('%s: 401 M_MISSING_TOKEN', async (_, authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
    for (const path of ['/account/whoami', '/sync', inRoom('messages?dir=b')])
      expect(refusal(await hs.request('GET', path, { headers }))).toEqual([401, 'M_MISSING_TOKEN'])
  })

  test.each([
    ['one that nobody has', () => 'syt_nobody_has_this'],
    ['one with a letter more', () => `${alice.token}x`],
    ['a very long one', () => 'x'.repeat(10_000)],
    ['the word undefined', () => 'undefined'],
    ['a key of every object', () => '__proto__'],
  ])('%s: 401 M_UNKNOWN_TOKEN', async (_, token) => {
    expect(refusal(await hs.request('GET', '/account/whoami', { token: token() }))).toEqual([401, 'M_UNKNOWN_TOKEN'])
    expect(refusal(await hs.request('PUT', inRoom('send/m.room.message/x'), { token: token(), body: '{' }))).toEqual([
      401,
      'M_UNKNOWN_TOKEN',
    ])
  })
})

describe('events', () => {
  test('over 65,536 bytes: 413 M_TOO_LARGE; just under them goes', async () => {
    expect(refusal(await send({ body: 'x'.repeat(65_536) }))).toEqual([413, 'M_TOO_LARGE'])
    // Counted in bytes, not in letters.
    expect(refusal(await send({ body: 'ä'.repeat(33_000) }))).toEqual([413, 'M_TOO_LARGE'])
    expect(refusal(await alice.put(inRoom('state/org.example.large/'), { body: 'x'.repeat(65_536) }))).toEqual([
      413,
      'M_TOO_LARGE',
    ])
    const other = await alice.createRoom()
    const path = `/rooms/${encodeURIComponent(other)}/send/org.example.large/1`
    expect((await alice.put(path, { body: 'x'.repeat(64_000) })).status).toBe(200)
    await alice.leaveRoom(other)
    await alice.post(`/rooms/${encodeURIComponent(other)}/forget`)
  })

  test.each([
    ['a fraction', '{"n":1.5}'],
    ['an integer over 2^53', '{"n":9007199254740993}'],
    ['an integer under -2^53', '{"n":-9007199254740993}'],
    ['a number too large for any', '{"n":1e400}'],
    ['half a surrogate pair', '{"body":"\\ud800"}'],
    ['half a surrogate pair in a key', '{"\\udfff":1}'],
    ['a fraction far within', '{"a":[{"b":{"c":[0.1]}}]}'],
  ])('%s in the content: 400 M_BAD_JSON', async (_, body) => {
    expect(refusal(await send(body))).toEqual([400, 'M_BAD_JSON'])
    expect(refusal(await alice.put(inRoom('state/org.example.bad/'), body))).toEqual([400, 'M_BAD_JSON'])
    const initial = `{"initial_state":[{"type":"org.example.bad","content":${body}}]}`
    expect(refusal(await alice.post('/createRoom', initial))).toEqual([400, 'M_BAD_JSON'])
    expect((await alice.get('/joined_rooms')).body.joined_rooms).toEqual([roomId])
  })

  test('a whole number written as a fraction, and U+0000 in a text, are JSON like any other', async () => {
    const other = await alice.createRoom()
    const path = `/rooms/${encodeURIComponent(other)}/send/org.example.fine/1`
    const { body } = await alice.put(path, '{"one":1.0,"nul":"a\\u0000b","big":9007199254740991}')
    const event = await alice.get(`/rooms/${encodeURIComponent(other)}/event/${encodeURIComponent(body.event_id)}`)
    expect(event.body.content).toEqual({ one: 1, nul: 'a\u0000b', big: Number.MAX_SAFE_INTEGER })
    await alice.leaveRoom(other)
    await alice.post(`/rooms/${encodeURIComponent(other)}/forget`)
  })

  test('keys that name members of every object are keys like any other, and change nothing else', async () => {
    const other = await alice.createRoom()
    const path = `/rooms/${encodeURIComponent(other)}/state/org.example.keys/__proto__`
    const content = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":"x"}'

    expect((await alice.put(path, content)).status).toBe(200)

    const bytes = JSON.stringify((await alice.get(path)).body)
    expect(JSON.parse(bytes)).toEqual(JSON.parse(content))
    expect(bytes).toContain('"__proto__":{"admin":true}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    const asBob = await hs.as('bob').get('/_synapse/admin/v2/users')
    expect(refusal(asBob)).toEqual([403, 'M_FORBIDDEN'])
    const synced = await alice.get('/sync')
    expect(JSON.stringify(synced.body.rooms.join[other])).toContain('"__proto__":{"admin":true}')
    await alice.leaveRoom(other)
    await alice.post(`/rooms/${encodeURIComponent(other)}/forget`)
  })

  test.each(['__proto__', 'constructor', 'hasOwnProperty'])(
    '%s is nobody’s default and nobody’s right',
    async (key) => {
      // Levels are looked up by name in an object that came from a user.
      const other = await alice.createRoom({ preset: 'public_chat' })
      await hs.as('bob').joinRoom(other)
      const path = `/rooms/${encodeURIComponent(other)}`
      expect((await hs.as('bob').put(`${path}/send/${key}/1`, {})).status).toBe(200) // events_default, not a function's
      expect(refusal(await hs.as('bob').put(`${path}/state/${key}/`, {}))).toEqual([403, 'M_FORBIDDEN'])
      for (const user of ['alice', 'bob']) {
        await hs.as(user).leaveRoom(other)
        await hs.as(user).post(`${path}/forget`)
      }
    },
  )

  test.each([
    ['type', () => `state/${'t'.repeat(256)}/`],
    ['state key', () => `state/org.example.long/${'k'.repeat(256)}`],
    ['state key, counted in bytes', () => `state/org.example.long/${encodeURIComponent('ä'.repeat(128))}`],
  ])('a %s over 255 bytes: 413 M_TOO_LARGE', async (_, path) => {
    expect(refusal(await alice.put(inRoom(path()), {}))).toEqual([413, 'M_TOO_LARGE'])
  })
})

describe('identifiers in paths', () => {
  const whoever = (path: string) => alice.get(path)

  test.each([
    ['nothing', ''],
    ['no sigil', 'room:test'],
    ['only a sigil', '!'],
    ['a NUL', '!a%00b:test'],
    ['bytes that are no UTF-8', '%ff%fe'],
    ['a bad server name', '!a:te%20st'],
    ['300 letters', `!${'a'.repeat(300)}:test`],
    ['a user ID', '@alice:test'],
  ])('a room ID of %s: 400', async (_, roomId) => {
    for (const rest of ['state', 'messages?dir=b', 'members', 'joined_members']) {
      const { status, body } = await whoever(`/rooms/${roomId}/${rest}`)
      expect(roomId === '' ? status === 404 || status === 400 : status === 400).toBe(true)
      expect(body.errcode).toMatch(/^M_(INVALID_PARAM|UNRECOGNIZED)$/)
    }
  })

  test('percent-encoding that is none: 400; a room ID encoded letter by letter is the room', async () => {
    for (const broken of ['%', '%z', '%zz', '%E0%A4'])
      expect((await fetch(`${hs.server.clientUrl}_matrix/client/v3/rooms/${broken}/state`)).status).toBe(400)
    const everyLetter = Buffer.from(roomId).toString('hex').replace(/../g, '%$&')
    expect((await whoever(`/rooms/${everyLetter}/joined_members`)).status).toBe(200)
    // Encoded twice it is another text.
    expect((await whoever(`/rooms/${encodeURIComponent(everyLetter)}/state`)).status).toBe(400)
    // A slash that is encoded does not end the part.
    expect((await whoever(`/rooms/${encodeURIComponent(`${roomId}/state`)}/members`)).status).toBe(400)
  })

  test('dots in a path lead nowhere else', async () => {
    const raw = await rawRequest(
      `GET /_matrix/client/v3/rooms/../../../../etc/passwd HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    )
    expect(raw).toMatch(/^HTTP\/1\.1 404 /)
    expect(raw).not.toContain('root:')
    const media = await alice.get('/_matrix/client/v1/media/download/test/..%2f..%2f..%2fetc%2fpasswd')
    expect(media.status).toBeGreaterThanOrEqual(400)
    expect(media.status).toBeLessThan(500)
  })

  test.each([
    ['NUL', 'a%00b'],
    ['300 letters', 'x'.repeat(300)],
    ['2,000 letters', 'x'.repeat(2_000)],
  ])('a transaction ID with %s is as good as another, or 400', async (_, txnId) => {
    const other = await alice.createRoom()
    const path = `/rooms/${encodeURIComponent(other)}/send/m.room.message/${txnId}`
    const [first, again] = [await alice.put(path, { body: 'x' }), await alice.put(path, { body: 'x' })]
    expect([200, 400]).toContain(first.status)
    expect(again.body).toEqual(first.body)
    await alice.leaveRoom(other)
    await alice.post(`/rooms/${encodeURIComponent(other)}/forget`)
  })

  test('parts longer than any identifier: 414 or 400, in the standard form', async () => {
    for (const path of [`/rooms/${'x'.repeat(5_000)}/state`, inRoom(`send/m.room.message/${'x'.repeat(5_000)}`)]) {
      const answer = await alice.put(path, {})
      expect([400, 404, 405, 414]).toContain(answer.status)
      expect(answer.body.errcode).toMatch(/^M_/)
    }
  })

  test.each(['@', 'alice', '@a%00b:test', `@${'a'.repeat(300)}:test`, '@alice:'])(
    'the user ID %s: 400',
    async (userId) => {
      expect((await whoever(`/profile/${userId}`)).status).toBe(400)
      expect((await alice.post(inRoom('invite'), { user_id: decodeURIComponent(userId) })).status).toBe(400)
    },
  )
})

describe('queries', () => {
  test.each([
    'limit=-1',
    'limit=1.5',
    'limit=many',
    'limit=',
    'limit=1&limit=2',
    'dir=x',
    'from=nonsense',
    'from=a&from=b',
  ])('%s of a page of messages: 400 M_INVALID_PARAM', async (query) => {
    const dir = query.startsWith('dir') ? '' : 'dir=b&'
    expect(refusal(await alice.get(inRoom(`messages?${dir}${query}`)))).toEqual([400, 'M_INVALID_PARAM'])
  })

  test('no direction: 400 M_MISSING_PARAM', async () => {
    expect(refusal(await alice.get(inRoom('messages')))).toEqual([400, 'M_MISSING_PARAM'])
  })

  test('a page without end is as long as the server likes', async () => {
    const { status, body } = await alice.get(inRoom('messages?dir=b&limit=999999999'))
    expect(status).toBe(200)
    expect(body.chunk.length).toBeLessThanOrEqual(1_000)
  })

  test.each([
    ['timeout=-1', 'M_INVALID_PARAM'],
    ['timeout=1&timeout=2', 'M_INVALID_PARAM'],
    ['since=nonsense', 'M_INVALID_PARAM'],
    ['full_state=perhaps', 'M_INVALID_PARAM'],
    ['set_presence=asleep', 'M_INVALID_PARAM'],
    ['filter=%7B%22room%22%3A', 'M_NOT_JSON'],
    ['filter=%7B%22room%22%3A7%7D', 'M_BAD_JSON'],
    ['filter=nosuchfilter', 'M_INVALID_PARAM'],
  ])('%s of a sync: 400 %s', async (query, errcode) => {
    expect(refusal(await alice.get(`/sync?${query}`))).toEqual([400, errcode])
  })

  test('keys of every object in the query are parameters nobody asked for', async () => {
    expect((await alice.get('/sync?__proto__=x&constructor=y&__proto__[limit]=z')).status).toBe(200)
  })
})

describe('headers', () => {
  test('of 100 kB: refused by the standard form, and the next request is answered', async () => {
    const answer = await rawRequest(
      `GET /_matrix/client/versions HTTP/1.1\r\nhost: localhost\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!).errcode).toBe('M_TOO_LARGE')
  })

  test('that are no HTTP: 400 in the standard form', async () => {
    for (const text of [
      'NONSENSE\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n',
      '\u0000\u0001\r\n\r\n',
    ]) {
      const answer = await rawRequest(text)
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(JSON.parse(answer.split('\r\n\r\n')[1]!).errcode).toBe('M_UNKNOWN')
    }
  })

  test('of two lengths (request smuggling): refused', async () => {
    const smuggled =
      'POST /_matrix/client/v3/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n'
    expect(await rawRequest(smuggled)).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('the log', () => {
  test('holds neither password nor token, whatever is wrong with the request', async () => {
    const password = 'swordfish of alice'
    const identifier = { type: 'm.id.user', user: 'alice' }
    await hs.request('POST', '/login', { body: { type: 'm.login.password', identifier, password } })
    await hs.request('POST', '/login', { body: `{"password":"${password}"` })
    await hs.request('POST', '/register', { body: { username: 'ALICE !', password } })
    await alice.post('/account/password', {
      new_password: password,
      auth: { type: 'm.login.password', identifier, password },
    })
    await hs.request('GET', `/sync?access_token=${alice.token}&since=nonsense`)
    await hs.request('GET', `/nonsense?access_token=${alice.token}`)
    await hs.request('POST', '/refresh', { body: { refresh_token: password } })

    expect(log.length).toBeGreaterThan(0)
    expect(log.join('')).not.toContain('swordfish')
    expect(log.join('')).not.toContain(alice.token)
  })
})

/** Writes text as it is to the client listener. @returns all it answers until it closes, or for half a second */
function rawRequest(text: string): Promise<string> {
  const { hostname, port } = new URL(hs.server.clientUrl!)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname)
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(end, 500)
    socket.on('data', (bytes) => {
      answer += bytes.toString()
    })
    socket.on('error', end)
    socket.on('close', end)
    socket.write(text, 'latin1')
  })
}
