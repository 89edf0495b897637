/**
 * What strangers can take of a listener: connections, time, memory. Each attack runs in a process of its own while
 * another client goes on asking; what it waits is compared with what it waited before, in the same run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import pino from 'pino'
import { Type } from 'typebox'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { type AdmissionLimits, admissionLimits } from '../../../server/http/admission.js'
import { bindEndpoints, defineEndpoint } from '../../../server/http/endpoint.js'
import { type Listeners, startListeners } from '../../../server/http/listeners.js'
import { systemClock } from '../../../server/kernel/clock.js'
import { defaultConfig } from '../../../server/kernel/config.js'
import { MatrixError } from '../../../server/kernel/errors.js'
import { startChild } from '../../support/child.js'
import { makeTestCa } from '../../support/test-ca.js'
import type { StrangersArgs } from './children/strangers.js'

const mib = 1024 * 1024
const short: AdmissionLimits = {
  bytes: { perParty: 8 * mib, inAll: 32 * mib, always: 64 * 1024 },
  connections: {
    ...admissionLimits.connections,
    headersMs: 1_500,
    handshakeMs: 1_500,
    body: { graceMs: 1_500, bytesPerSecond: 1024 * 1024 },
    answer: { graceMs: 1_500, bytesPerSecond: 16 * mib },
  },
}

const big = 'x'.repeat(24 * mib)
const endpoints = bindEndpoints(
  [
    defineEndpoint({
      operationId: 'post',
      method: 'POST',
      path: '/_matrix/post',
      auth: 'none',
      maxBodyBytes: 10 * mib,
      body: Type.Record(Type.String(), Type.Unknown()),
      handle: async () => ({}),
    }),
    defineEndpoint({
      operationId: 'signed',
      method: 'PUT',
      path: '/_matrix/signed',
      auth: 'signed',
      body: Type.Record(Type.String(), Type.Unknown()),
      handle: async () => ({}),
    }),
    defineEndpoint({
      operationId: 'ping',
      method: 'GET',
      path: '/_matrix/ping',
      auth: 'none',
      handle: async () => ({ ok: true }),
    }),
    defineEndpoint({
      operationId: 'big',
      method: 'GET',
      path: '/_matrix/big',
      auth: 'none',
      handle: async () => ({ big }),
    }),
    defineEndpoint({
      operationId: 'half',
      method: 'POST',
      path: '/_matrix/half/:status',
      auth: 'none',
      rawBody: true,
      params: Type.Object({ status: Type.String() }),
      async handle({ body, params }) {
        await readSome(body)
        if (params.status === '200') return {}
        if (params.status === '500') throw new Error('a bug')
        throw new MatrixError(Number(params.status), 'M_UNKNOWN', 'Half of it was enough.')
      },
    }),
  ],
  {},
)

/** The first chunk of a body; the rest is left where it is. */
async function readSome(body: Readable): Promise<void> {
  for await (const _chunk of body.iterator({ destroyOnReturn: false })) return
}

const dir = mkdtempSync(join(tmpdir(), 'hearth-admission-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const certificate = makeTestCa().issue(['127.0.0.1'])
writeFileSync(join(dir, 'cert.pem'), certificate.cert)
writeFileSync(join(dir, 'key.pem'), certificate.key)

let listeners: Listeners | undefined
let admitted = 0
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await listeners?.close()
  listeners = undefined
})

async function start(
  options: { limits?: AdmissionLimits; tls?: boolean; proxies?: string[] } = {},
): Promise<Listeners> {
  const config = defaultConfig(dir)
  config.listeners.client.port = 0
  config.listeners.federation.port = 0
  config.listeners.federation.host = '127.0.0.1'
  config.listeners.trusted_proxies = options.proxies ?? []
  config.rate_limits.enabled = false
  if (options.tls) {
    config.tls.certificate_path = join(dir, 'cert.pem')
    config.tls.private_key_path = join(dir, 'key.pem')
  }
  admitted = 0
  listeners = await startListeners({
    config,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    endpoints,
    authenticate: async () => {
      throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'no')
    },
    admitServer: ({ authorization }) => {
      if (authorization !== 'X-Matrix known') throw new MatrixError(403, 'M_FORBIDDEN', 'no')
      admitted += 1
      return async () => {
        throw new MatrixError(401, 'M_UNAUTHORIZED', 'no')
      }
    },
    limits: options.limits ?? short,
  })
  await listeners.openFederation()
  return listeners
}

const portOf = (to: Listeners) => Number(new URL(to.clientUrl!).port)

function attack(args: Omit<StrangersArgs, 'addresses'> & { addresses?: number }) {
  const child = startChild(new URL('./children/strangers.ts', import.meta.url), { addresses: 20, ...args })
  stops.push(() => child.kill())
  return {
    settled: () => child.hears<{ settled: { open: number; refused: number } }>((said) => 'settled' in (said as object)),
    closed: () => child.hears<{ closed: number; afterMs: number }>((said) => 'closed' in (said as object)),
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
afterAll(() => agent.destroy())

function ask(port: number, method: string, path: string, body?: Buffer, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; text: string; socket: Socket }>((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, method, path, agent, headers }, (answer) => {
      const chunks: Buffer[] = []
      const { socket } = answer
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode!, text: Buffer.concat(chunks).toString(), socket }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Median time of an answer in milliseconds. */
async function waits(port: number, times = 60): Promise<number> {
  const took: number[] = []
  for (let i = 0; i < times; i++) {
    const began = performance.now()
    const { status } = await ask(port, 'POST', '/_matrix/post', Buffer.from('{"a":1}'))
    expect(status).toBe(200)
    took.push(performance.now() - began)
  }
  return took.sort((a, b) => a - b)[Math.floor(times / 2)]!
}

async function gauge(to: Listeners, name: string): Promise<number> {
  const found = (await to.metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value
  if (found === undefined) throw new Error(`there is no gauge ${name}`)
  return found
}
const bytesInFlight = (to: Listeners) => gauge(to, 'hearth_http_bytes_in_flight')
const connections = (to: Listeners) => gauge(to, 'hearth_http_connections')

const halfSent = (method: string, path: string, authorization = '') =>
  `${method} ${path} HTTP/1.1\r\nhost: x\r\n${authorization}content-length: ${mib}\r\n\r\n{"a":"`

describe('a thousand half-sent bodies', () => {
  test.each([
    ['the client listener', 'none', halfSent('POST', '/_matrix/post')],
    ['the federation listener', 'spoken', halfSent('PUT', '/_matrix/signed', 'authorization: X-Matrix known\r\n')],
  ] as const)(
    'on %s hold bounded memory, are closed in time and keep nobody waiting',
    async (_at, tls, head) => {
      const to = await start({ tls: true })
      const port = tls === 'none' ? portOf(to) : to.federationPort!
      const before = await waits(portOf(to))
      const rssBefore = process.memoryUsage.rss()

      const strangers = attack({ port, count: 1_000, tls, head, bodyBytes: 300 * 1024 })
      const held: number[] = []
      const watch = setInterval(() => void bytesInFlight(to).then((bytes) => held.push(bytes)), 20)
      await strangers.settled()
      const during = await waits(portOf(to))
      await strangers.closed()
      clearInterval(watch)

      expect(Math.max(...held)).toBeGreaterThan(mib)
      expect(Math.max(...held)).toBeLessThanOrEqual(short.bytes.inAll + 20 * short.bytes.always)
      expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(200 * mib)
      expect(during).toBeLessThan(3 * Math.max(before, 2))
      await expect.poll(() => bytesInFlight(to)).toBe(0)
      await expect.poll(() => connections(to)).toBeLessThanOrEqual(1)
    },
    60_000,
  )

  test('of servers that are not welcome are not read at all', async () => {
    const to = await start()
    const body = Buffer.alloc(9 * mib, 'x')
    const refused = await ask(to.federationPort!, 'PUT', '/_matrix/signed', body, { authorization: 'X-Matrix other' })
    expect([refused.status, admitted]).toEqual([403, 0])
    expect(await bytesInFlight(to)).toBe(0)
    const tooLarge = { authorization: 'X-Matrix known' }
    expect((await ask(to.federationPort!, 'PUT', '/_matrix/signed', body, tooLarge)).status).toBe(400)
    expect(admitted).toBe(1)
  })
})

describe('what never comes to its point', () => {
  test.each([
    ['headers', 'none', 'GET /_matrix/ping HTTP/1.1\r\nhost:'],
    ['requests', 'none', ''],
    ['TLS handshakes', 'never-begun', ''],
  ] as const)(
    'a thousand connections without whole %s are closed in time',
    async (_what, tls, head) => {
      const to = await start({ tls: true })
      const port = tls === 'none' ? portOf(to) : to.federationPort!
      const before = await waits(portOf(to))
      const strangers = attack({ port, count: 1_000, tls, head, bodyBytes: 0 })
      await strangers.settled()
      const during = await waits(portOf(to))
      const { afterMs } = await strangers.closed()
      expect(afterMs).toBeLessThan(20_000)
      expect(during).toBeLessThan(3 * Math.max(before, 2))
      await expect.poll(() => connections(to)).toBeLessThanOrEqual(1)
    },
    60_000,
  )

  test('a body that drips is answered 408, one at the least rate is taken', async () => {
    const limits = structuredClone(short)
    limits.connections.body = { graceMs: 500, bytesPerSecond: 2_000 }
    const to = await start({ limits })
    const send = async (bytesEach: number) => {
      const socket = connect(portOf(to), '127.0.0.1')
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk
      })
      const whole = `{"a":"${'x'.repeat(20_000)}"}`
      socket.write(`POST /_matrix/post HTTP/1.1\r\nhost: x\r\ncontent-length: ${whole.length}\r\n\r\n`)
      for (let at = 0; at < whole.length && heard === '' && !socket.destroyed; at += bytesEach) {
        socket.write(whole.slice(at, at + bytesEach))
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await expect.poll(() => heard).toContain('HTTP/1.1')
      socket.destroy()
      return heard.split(' ')[1]
    }
    expect(await Promise.all([send(10), send(1_000)])).toEqual(['408', '200'])
  })

  test('an answer that is not taken is cut off, one that is taken is whole', async () => {
    const to = await start()
    const idle = connect(portOf(to), '127.0.0.1')
    idle.on('error', () => {}).pause()
    idle.write('GET /_matrix/big HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => bytesInFlight(to)).toBeGreaterThan(20 * mib)
    const { text } = await ask(portOf(to), 'GET', '/_matrix/ping')
    expect(text).toBe('{"ok":true}')
    await expect.poll(() => bytesInFlight(to), { timeout: 10_000 }).toBe(0)
    idle.destroy()
    expect((await ask(portOf(to), 'GET', '/_matrix/big')).text).toHaveLength(big.length + 10)
  })

  test('a client that asks without waiting for answers is cut off', async () => {
    const to = await start()
    const socket = connect(portOf(to), '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => {}).resume()
    socket.write('GET /_matrix/big HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(40))
    await closed
    await expect.poll(() => bytesInFlight(to)).toBe(0)
  })
})

describe('connections', () => {
  const few = structuredClone(short)
  Object.assign(few.connections, { perAddress: 50, inAll: 120 })

  test('of one address are limited, and others come in all the same', async () => {
    const to = await start({ limits: few })
    const strangers = attack({ port: portOf(to), count: 300, addresses: 1, tls: 'none', head: '', bodyBytes: 0 })
    const { settled } = await strangers.settled()
    expect(settled).toEqual({ open: 50, refused: 250 })
    expect((await ask(portOf(to), 'GET', '/_matrix/ping')).status).toBe(200)
  })

  test('of many addresses give way to somebody who has none', async () => {
    const to = await start({ limits: few })
    const strangers = attack({ port: portOf(to), count: 300, addresses: 10, tls: 'none', head: '', bodyBytes: 0 })
    await strangers.settled()
    expect(await connections(to)).toBe(120)
    expect((await ask(portOf(to), 'GET', '/_matrix/ping')).status).toBe(200)
  })

  test('of a proxy of ours are not limited by its address', async () => {
    const to = await start({ limits: few, proxies: ['127.0.9.1'] })
    const strangers = attack({ port: portOf(to), count: 100, addresses: 1, tls: 'none', head: '', bodyBytes: 0 })
    expect((await strangers.settled()).settled).toEqual({ open: 100, refused: 0 })
  })
})

describe('a request that is answered half-way', () => {
  test.each(['200', '400', '401', '403', '404', '409', '413', '429', '500', '507'])(
    'with %s leaves a connection that works',
    async (status) => {
      const to = await start()
      const body = Buffer.alloc(6 * mib, 'x')
      const first = await ask(portOf(to), 'POST', `/_matrix/half/${status}`, body)
      expect(first.status).toBe(Number(status))
      const second = await ask(portOf(to), 'GET', '/_matrix/ping')
      expect([second.status, second.socket === first.socket]).toEqual([200, true])
    },
  )

  test.each([
    ['POST', '/_matrix/nonsense', 404],
    ['PUT', '/_matrix/post', 405],
  ])('a body at a path that takes none (%s %s) neither', async (method, path, status) => {
    const to = await start()
    const first = await ask(portOf(to), method, path, Buffer.alloc(6 * mib, 'x'))
    expect(first.status).toBe(status)
    const second = await ask(portOf(to), 'GET', '/_matrix/ping')
    expect([second.status, second.socket === first.socket]).toEqual([200, true])
  })
})
