/** The HTTP layer with endpoints of the test's own: routing, tokens, bodies, limits, both listeners. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import pino from 'pino'
import { Type } from 'typebox'
import { afterEach, describe, expect, test } from 'vitest'
import { bindEndpoints, defineEndpoint } from '../../../server/http/endpoint.js'
import { type Listeners, startListeners } from '../../../server/http/listeners.js'
import { raw } from '../../../server/http/reply.js'
import { systemClock } from '../../../server/kernel/clock.js'
import { defaultConfig } from '../../../server/kernel/config.js'
import { MatrixError } from '../../../server/kernel/errors.js'
import type { DeviceId, UserId } from '../../../server/kernel/identifiers.js'

const room = '/_matrix/client/v3/rooms/:roomId'
const seen: { aborted: boolean; waiting: boolean } = { aborted: false, waiting: false }
const endpoints = bindEndpoints(
  [
    defineEndpoint({
      operationId: 'echo',
      method: 'PUT',
      path: `${room}/echo`,
      auth: 'access-token',
      params: Type.Object({ roomId: Type.String() }),
      query: Type.Object({
        limit: Type.Optional(Type.Integer()),
        full: Type.Optional(Type.Boolean()),
        via: Type.Optional(Type.Array(Type.String())),
      }),
      body: Type.Object({ msgtype: Type.String() }),
      handle: async ({ params, query, body, requester, path }) => ({
        params,
        query,
        body,
        user: requester.userId,
        path,
      }),
    }),
    defineEndpoint({
      operationId: 'open',
      method: 'GET',
      path: '/_matrix/open',
      auth: 'none',
      handle: async () => ({ ok: true }),
    }),
    defineEndpoint({
      operationId: 'login',
      method: 'POST',
      path: '/_matrix/login',
      auth: 'none',
      rateLimit: 'login',
      handle: async () => ({}),
    }),
    defineEndpoint({
      operationId: 'admin',
      method: 'GET',
      path: ['/_synapse/admin/x', '/_matrix/client/v1/admin/x'],
      auth: 'admin',
      handle: async () => ({}),
    }),
    defineEndpoint({
      operationId: 'local',
      method: 'GET',
      path: '/_hearth/local',
      auth: 'loopback',
      handle: async () => ({}),
    }),
    defineEndpoint({
      operationId: 'bug',
      method: 'GET',
      path: '/_matrix/bug',
      auth: 'none',
      handle: async () => {
        throw new Error('the secret is swordfish')
      },
    }),
    defineEndpoint({
      operationId: 'bytes',
      method: 'POST',
      path: '/_matrix/bytes',
      auth: 'none',
      rawBody: true,
      handle: async ({ body }) => raw(200, Readable.from(body), { 'content-type': 'application/octet-stream' }),
    }),
    defineEndpoint({
      operationId: 'wait',
      method: 'GET',
      path: '/_matrix/wait',
      auth: 'none',
      handle: ({ signal }) =>
        new Promise<object>((resolve) => {
          seen.waiting = true
          signal.addEventListener('abort', () => {
            seen.aborted = true
            resolve({ woken: true })
          })
        }),
    }),
  ],
  {},
)

const alice = {
  userId: '@alice:test' as UserId,
  deviceId: 'A' as DeviceId,
  sid: 's',
  isAdmin: false,
  isGuest: false,
  isSuspended: false,
  tokenHash: 'h',
}
const dir = mkdtempSync(join(tmpdir(), 'hearth-http-'))
let listeners: Listeners | undefined

async function start(change: { sockets?: boolean; rateLimits?: boolean; renderer?: boolean } = {}): Promise<Listeners> {
  const config = defaultConfig(dir)
  config.listeners.client.port = 0
  config.listeners.federation.port = 0
  config.listeners.federation.host = '127.0.0.1'
  config.rate_limits.enabled = change.rateLimits ?? false
  if (change.renderer) {
    config.renderer_dir = join(dir, 'renderer')
    mkdirSync(join(config.renderer_dir, 'assets'), { recursive: true })
    writeFileSync(join(config.renderer_dir, 'index.html'), '<title>Hearth</title>')
    writeFileSync(join(config.renderer_dir, 'assets', 'app-1.js'), '1')
  }
  listeners = await startListeners({
    config,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    endpoints,
    authenticate: async (token) => {
      if (token !== 'good') throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'no')
      return alice
    },
    admitServer: () => {
      throw new MatrixError(401, 'M_UNAUTHORIZED', 'no')
    },
    inProcessOnly: !change.sockets,
  })
  return listeners
}

afterEach(async () => {
  await listeners?.close()
  listeners = undefined
  rmSync(join(dir, 'renderer'), { recursive: true, force: true })
})

const good = { authorization: 'Bearer good' }
const call = async (to: Listeners, method: string, path: string, init: RequestInit = {}) => {
  const response = await to.handle(new Request(`http://x${path}`, { method, ...init }))
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}
const echo = '/_matrix/client/v3/rooms/!a:b/echo'

describe('routing', () => {
  test('an unknown path is 404 M_UNRECOGNIZED, with and without a token', async () => {
    const to = await start()
    for (const headers of [{}, good]) {
      const answer = await call(to, 'GET', '/_matrix/client/v3/nonsense', { headers })
      expect([answer.status, answer.body.errcode]).toEqual([404, 'M_UNRECOGNIZED'])
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    }
  })

  test('a known path with a method it does not have is 405 M_UNRECOGNIZED, before any token is asked for', async () => {
    const to = await start()
    for (const method of ['PATCH', 'POST', 'DELETE', 'GET']) {
      const answer = await call(to, method, echo)
      expect([answer.status, answer.body.errcode]).toEqual([405, 'M_UNRECOGNIZED'])
    }
  })

  test('a preflight succeeds on every Matrix path, known or not', async () => {
    const to = await start()
    for (const path of [echo, '/_matrix/nonsense', '/.well-known/matrix/client']) {
      const answer = await call(to, 'OPTIONS', path)
      expect(answer.status).toBe(204)
      expect(answer.headers.get('access-control-allow-methods')).toContain('PUT')
      expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization')
    }
  })

  test('our own paths carry no cross-origin permission', async () => {
    const to = await start()
    const answer = await call(to, 'GET', '/_hearth/local')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('a path that is not validly percent-encoded is 400', async () => {
    const to = await start({ sockets: true })
    const answer = await fetch(`${to.clientUrl}_matrix/client/v3/rooms/%zz/echo`, { method: 'PUT' })
    expect(answer.status).toBe(400)
    expect((await answer.json()).errcode).toBe('M_INVALID_PARAM')
  })

  test('a bug is answered 500 M_UNKNOWN without a word of what it was', async () => {
    const answer = await call(await start(), 'GET', '/_matrix/bug')
    expect([answer.status, answer.body.errcode]).toEqual([500, 'M_UNKNOWN'])
    expect(JSON.stringify(answer.body)).not.toContain('swordfish')
  })
})

describe('tokens', () => {
  test.each([
    ['none', {}, 'M_MISSING_TOKEN'],
    ['a bad one', { authorization: 'Bearer bad' }, 'M_UNKNOWN_TOKEN'],
    ['another scheme', { authorization: 'Basic good' }, 'M_MISSING_TOKEN'],
  ])('%s is refused with 401 before the body is read', async (_, headers, errcode) => {
    const answer = await call(await start(), 'PUT', echo, { headers: headers as HeadersInit, body: '{' })
    expect([answer.status, answer.body.errcode]).toEqual([401, errcode])
  })

  test('a token in the query string is as good, and the endpoint does not see it', async () => {
    const answer = await call(await start(), 'PUT', `${echo}?access_token=good&limit=3`, { body: '{"msgtype":"x"}' })
    expect(answer.status).toBe(200)
    expect(answer.body.query).toEqual({ limit: 3 })
    expect(answer.body.path).toBe(echo)
  })

  test('an admin path refuses an ordinary user', async () => {
    const answer = await call(await start(), 'GET', '/_synapse/admin/x', { headers: good })
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })
})

describe('shapes', () => {
  test('query text becomes the numbers, booleans and lists that the schema names', async () => {
    const answer = await call(await start(), 'PUT', `${echo}?limit=7&full=true&via=a`, {
      headers: good,
      body: '{"msgtype":"x"}',
    })
    expect(answer.body.query).toEqual({ limit: 7, full: true, via: ['a'] })
    expect(answer.body.params).toEqual({ roomId: '!a:b' })
  })

  test.each([
    ['not JSON', '{"msgtype":', 400, 'M_NOT_JSON'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 400, 'M_NOT_JSON'],
    ['nothing where something is needed', undefined, 400, 'M_NOT_JSON'],
    ['a wrong shape', '{"msgtype":7}', 400, 'M_BAD_JSON'],
    ['a list', '[]', 400, 'M_BAD_JSON'],
    ['JSON 2,000 deep', `{"msgtype":"x","a":${'['.repeat(2000)}${']'.repeat(2000)}}`, 400, 'M_BAD_JSON'],
    ['more than 10 MiB', `{"msgtype":"${'x'.repeat(10 * 1024 * 1024)}"}`, 413, 'M_TOO_LARGE'],
  ])('%s is refused', async (_, body, status, errcode) => {
    const answer = await call(await start(), 'PUT', echo, { headers: good, ...(body !== undefined && { body }) })
    expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
  })

  test('brackets inside strings do not count as depth', async () => {
    const body = JSON.stringify({ msgtype: `"\\${'['.repeat(500)}` })
    const answer = await call(await start(), 'PUT', echo, { headers: good, body })
    expect(answer.status).toBe(200)
  })

  test('a wrong query value is M_INVALID_PARAM', async () => {
    const answer = await call(await start(), 'PUT', `${echo}?limit=many`, { headers: good, body: '{"msgtype":"x"}' })
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  })

  test('binary bodies stream through unchanged', async () => {
    const bytes = Buffer.alloc(300_000, 7)
    const to = await start()
    const response = await to.handle(new Request('http://x/_matrix/bytes', { method: 'POST', body: bytes }))
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  })
})

describe('bodies that are too large', () => {
  test.each([
    ['declared', (bytes: Buffer): BodyInit => new Uint8Array(bytes)],
    ['streamed', (bytes: Buffer): BodyInit => Readable.toWeb(Readable.from([bytes])) as unknown as BodyInit],
  ])('%s are answered over a socket too, and the next request on it works', async (_, bodyOf) => {
    const to = await start({ sockets: true })
    const bytes = Buffer.concat([Buffer.from('{"msgtype":"'), Buffer.alloc(11 * 1024 * 1024, 'x')])
    const init = { method: 'PUT', headers: good, body: bodyOf(bytes), duplex: 'half' } as RequestInit
    const answer = await fetch(`${to.clientUrl}${echo.slice(1)}`, init)
    expect([answer.status, (await answer.json()).errcode]).toEqual([413, 'M_TOO_LARGE'])
    expect((await fetch(`${to.clientUrl}_matrix/open`)).status).toBe(200)
  })
})

describe('limits', () => {
  test('the twenty-first login at once is 429 with a time to come back', async () => {
    const to = await start({ rateLimits: true })
    const answers = []
    for (let i = 0; i < 21; i++) answers.push(await call(to, 'POST', '/_matrix/login'))
    expect(answers.slice(0, 20).every(({ status }) => status === 200)).toBe(true)
    const last = answers[20]!
    expect([last.status, last.body.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED'])
    expect(last.body.retry_after_ms).toBeGreaterThan(0)
    expect(Number(last.headers.get('retry-after'))).toBe(Math.ceil(last.body.retry_after_ms / 1000))
  })
})

describe('callers who go away', () => {
  test('an aborted in-process request aborts its signal', async () => {
    const to = await start()
    Object.assign(seen, { aborted: false, waiting: false })
    const controller = new AbortController()
    const waiting = to.handle(new Request('http://x/_matrix/wait', { signal: controller.signal }))
    waiting.catch(() => {})
    await expect.poll(() => seen.waiting).toBe(true)
    controller.abort()
    await expect.poll(() => seen.aborted).toBe(true)
  })

  test('a closed connection aborts the signal', async () => {
    const to = await start({ sockets: true })
    Object.assign(seen, { aborted: false, waiting: false })
    const controller = new AbortController()
    fetch(`${to.clientUrl}_matrix/wait`, { signal: controller.signal }).catch(() => {})
    await expect.poll(() => seen.waiting).toBe(true)
    controller.abort()
    await expect.poll(() => seen.aborted).toBe(true)
  })

  test('closing wakes whoever waits and answers them', async () => {
    const to = await start({ sockets: true })
    Object.assign(seen, { aborted: false, waiting: false })
    const waiting = fetch(`${to.clientUrl}_matrix/wait`)
    await expect.poll(() => seen.waiting).toBe(true)
    const { clientUrl } = to
    const began = performance.now()
    await to.close()
    expect((await waiting).status).toBe(200)
    expect(to.clientUrl).toBe(clientUrl) // what such a request may still ask for
    expect(performance.now() - began).toBeLessThan(4_000)
  })
})

describe('listeners', () => {
  test('the federation listener serves Matrix paths and nothing else', async () => {
    const to = await start({ sockets: true, renderer: true })
    await to.openFederation()
    const status = async (path: string) =>
      (await fetch(`http://127.0.0.1:${to.federationPort}${path}`, { headers: { accept: 'text/html' } })).status
    expect(await status('/_matrix/open')).toBe(200)
    const others = ['/', '/index.html', '/room/x', '/_hearth/local', '/_synapse/admin/x', '/_matrix/client/v1/admin/x']
    for (const path of others) expect(await status(path)).toBe(404)
  })

  test('a foreign origin or a foreign host name is not this machine', async () => {
    const to = await start({ sockets: true })
    const at = (headers: Record<string, string>) =>
      fetch(`${to.clientUrl}_hearth/local`, { headers }).then(({ status }) => status)
    expect(await at({})).toBe(200)
    expect(await at({ origin: to.clientUrl!.slice(0, -1) })).toBe(200)
    expect(await at({ origin: 'https://evil.example' })).toBe(403)
    for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'])
      expect(await at({ [name]: '203.0.113.7' }), name).toBe(403)
  })
})
