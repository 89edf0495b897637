/**
 * A whole server on sockets, in the hands of somebody with a script: whatever bytes come, no answer is a 5xx, no
 * connection waits for ever, nothing is left behind, and the next caller is served.
 */
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { admissionLimits } from '../../../server/http/admission.js'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'
import { readEndpoints } from '../../support/spec-data.js'

let hs: TestHomeserver
let alice: TestClient
let roomId: string
let port: number
const faults: string[] = []

beforeAll(async () => {
  hs = await startHomeserver({
    users: ['alice'],
    sockets: true,
    log(line) {
      if (JSON.parse(line).level >= 50) faults.push(line)
    },
  })
  alice = hs.as('alice')
  roomId = await alice.createRoom({})
  port = Number(new URL(hs.server.clientUrl!).port)
})
afterAll(() => hs?.close())
afterEach(async () => {
  expect(faults.splice(0)).toEqual([])
  expect(await send('GET /_matrix/client/versions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 200/,
  )
})

/** Sends bytes as they are. @returns all that was answered until the connection ended or was quiet */
function send(text: string | Buffer, quietMs = 1_500): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    let timer: NodeJS.Timeout
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(heard)
    }
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(end, quietMs)
    }
    wait()
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      wait()
    })
    socket.on('close', end).on('error', end)
  })
}
const statuses = (heard: string) => [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
const request = (line: string, headers: readonly string[] = [], body = '') =>
  `${line} HTTP/1.1\r\n${['host: x', 'connection: close', ...headers].join('\r\n')}\r\n\r\n${body}`
const token = () => `authorization: Bearer ${alice.token}`
const deep = (depth: number) => `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`

describe('requests', () => {
  test('that come together on one connection are answered in their order', async () => {
    const paths = Array.from({ length: admissionLimits.connections.pipelined }, (_, n) =>
      n % 2 ? '/_matrix/client/versions' : `/_matrix/nothing${n}`,
    )
    const heard = await send(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''))

    expect(statuses(heard)).toEqual(paths.map((_, n) => (n % 2 ? 200 : 404)))
  })

  test.each([
    ['TRACE', request('TRACE /_matrix/client/versions')],
    ['PROPFIND', request('PROPFIND /')],
    ['QUERY', request('QUERY /_matrix/client/versions')],
    ['a method that is none', request('HELLO /')],
    ['a method in small letters', request('get /')],
    ['OPTIONS *', request('OPTIONS *')],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n'],
    ['HTTP/1.0', 'GET /_matrix/client/versions HTTP/1.0\r\n\r\n'],
    ['HTTP/2 by surprise', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ['two lengths', request('PUT /_matrix/x', ['content-length: 5', 'content-length: 6'], 'hello')],
    [
      'a length and chunks',
      request('PUT /_matrix/x', ['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'),
    ],
    ['a negative length', request('PUT /_matrix/x', ['content-length: -1'])],
    ['a length of 2^70', request('PUT /_matrix/x', ['content-length: 1180591620717411303424'])],
    ['chunks in a coding', request('PUT /_matrix/x', ['transfer-encoding: gzip, chunked'], '0\r\n\r\n')],
    ['a chunk without end', request('PUT /_matrix/x', ['transfer-encoding: chunked'], 'FFFFFFFFFFFFFFFFF\r\n')],
    [
      'chunk extensions',
      request('PUT /_matrix/x', ['transfer-encoding: chunked'], `1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`),
    ],
    ['a header of 20 kB', request('GET /', [`x-a: ${'a'.repeat(20_000)}`])],
    [
      '2,000 headers',
      request(
        'GET /',
        Array.from({ length: 2_000 }, (_, n) => `a${n}: 1`),
      ),
    ],
    ['a URL of 20 kB', request(`GET /${'a'.repeat(20_000)}`)],
    ['spaces for a coding', request('GET /', [`accept-encoding: br${' '.repeat(15_000)}x`, 'accept: text/html'])],
    ['an expectation', request('GET /', ['expect: a-pony'])],
    ['an upgrade to h2c', request('GET /', ['connection: upgrade', 'upgrade: h2c'])],
    ['an address that is none', request('GET /_matrix/client/versions', ['x-forwarded-for: ,,%%,::::,a'])],
    [
      'a thousand hops',
      request('GET /_matrix/client/versions', [`x-forwarded-for: ${'10.0.0.1, '.repeat(1_000)}1.1.1.1`]),
    ],
    ['a TLS greeting', Buffer.from('16030100a5010000a10303', 'hex')],
    ['nulls', Buffer.alloc(5_000)],
  ])('with %s get an answer that is no fault of the server, or none', async (_, text) => {
    const heard = statuses(await send(text as string))

    expect(heard.every((status) => status < 500 || status === 501)).toBe(true)
    expect(heard.length).toBeLessThanOrEqual(1)
  })

  test('with JSON nested 100,000 deep are refused wherever a body is taken', async () => {
    const bodies = readEndpoints().filter(({ method, path }) => method !== 'GET' && path.startsWith('/_matrix/client/'))
    const body = deep(100_000)
    const seen = new Map<number, number>()
    for (const { method, path } of bodies) {
      const at = path
        .replace('{roomId}', encodeURIComponent(roomId))
        .replace('{userId}', encodeURIComponent(alice.userId))
      if (/logout|deactivate|password|media/.test(at)) continue
      const answer = await fetch(new URL(at.replace(/\{\w+\}/g, 'x'), hs.server.clientUrl), {
        ...{ method, body },
        headers: { authorization: `Bearer ${alice.token}` },
      })
      await answer.arrayBuffer()
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
      expect(answer.status, `${method} ${path}`).toBeLessThan(500)
    }
    expect(seen.get(400)).toBeGreaterThan(30)
  }, 60_000)

  test('with JSON nested deep in the query are refused, or taken where nobody looks into it', async () => {
    const filter = encodeURIComponent(deep(2_000))
    for (const path of ['/sync?filter=', `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&filter=`]) {
      const { status } = await alice.get(path + filter)
      expect([200, 400]).toContain(status)
    }
  })

  test('with numbers that are too large for what they say are refused or cut', async () => {
    for (const query of ['timeout=99999999999999999999', 'timeout=1e308', 'timeout=-5'])
      expect((await alice.get(`/sync?${query}&since=x`)).status).toBe(400)
    const typing = `/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(alice.userId)}`
    for (const timeout of [1e15, 2 ** 53 - 1])
      expect((await alice.put(typing, { typing: true, timeout })).status).toBe(200)
    const { body } = await alice.get('/sync')
    expect(body.rooms.join[roomId].ephemeral.events[0].content.user_ids).toEqual([alice.userId])
  })
})

describe('connections that end in the middle', () => {
  const open = (text: string) =>
    new Promise<Socket>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text, () => resolve(socket)))
      socket.on('error', () => {})
    })

  test('of an upload leave no file', async () => {
    const head = `POST /_matrix/media/v3/upload HTTP/1.1\r\nhost: x\r\n${token()}\r\ncontent-length: 1000000\r\n\r\n`
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(head + 'x'.repeat(100_000))))
    const incoming = join(hs.dataDir, 'media', 'incoming')
    await expect.poll(() => readdirSync(incoming).length).toBeGreaterThan(0)

    for (const socket of sockets) socket.destroy()

    await expect.poll(() => readdirSync(incoming).length, { timeout: 5_000 }).toBe(0)
  })

  test('of a long /sync, a download and a body take nothing from who comes after', async () => {
    const since = (await alice.get('/sync')).body.next_batch
    const { content_uri: uri } = await (
      await fetch(new URL('/_matrix/media/v3/upload', hs.server.clientUrl), {
        method: 'POST',
        body: Buffer.alloc(3_000_000, 1),
        headers: { authorization: `Bearer ${alice.token}` },
      })
    ).json()
    const texts = [
      `GET /_matrix/client/v3/sync?timeout=30000&since=${since} HTTP/1.1\r\nhost: x\r\n${token()}\r\n\r\n`,
      `GET /_matrix/client/v1/media/download/${uri.slice(6)} HTTP/1.1\r\nhost: x\r\n${token()}\r\n\r\n`,
      `PUT /_matrix/client/v3/profile/x/displayname HTTP/1.1\r\nhost: x\r\n${token()}\r\ncontent-length: 50\r\n\r\n{`,
    ]
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(texts.flatMap((text) => Array.from({ length: 10 }, () => open(text))))
      for (const [n, socket] of sockets.entries()) n % 2 ? socket.destroy() : socket.resetAndDestroy()
    }

    expect(
      (await alice.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/after`, { body: 'x' })).status,
    ).toBe(200)
  })
})

describe('WebSockets', () => {
  const dial = (protocols: string[] = ['cbor']) => new WebSocket(`ws://127.0.0.1:${port}/_hearth/live/rpc`, protocols)
  const closed = (socket: WebSocket) =>
    new Promise<number>((resolve) => {
      socket.on('close', (code) => resolve(code)).on('error', () => {})
    })

  test.each([
    ['text', (socket: WebSocket) => socket.send('hello')],
    ['bytes that are no CBOR', (socket: WebSocket) => socket.send(Buffer.from([0xff, 0xff, 0xff]))],
    ['arrays in arrays', (socket: WebSocket) => socket.send(Buffer.alloc(200_000, 0x81))],
    ['maps in maps', (socket: WebSocket) => socket.send(Buffer.from('a16161'.repeat(60_000), 'hex'))],
    ['tags in tags', (socket: WebSocket) => socket.send(Buffer.alloc(200_000, 0xc6))],
    [
      'an array that says it has 2^60 members',
      (socket: WebSocket) => socket.send(Buffer.from('9b1000000000000000', 'hex')),
    ],
    [
      'a text that says it has 2^40 bytes',
      (socket: WebSocket) => socket.send(Buffer.from('7b0000010000000000', 'hex')),
    ],
    ['a frame of 40 MB', (socket: WebSocket) => socket.send(Buffer.alloc(40_000_000))],
  ])('that send %s are closed, and nobody else', async (_, misuse) => {
    const bystander = dial()
    await new Promise((resolve) => bystander.once('open', resolve))
    const socket = dial()
    const end = closed(socket)
    await new Promise((resolve) => socket.once('open', resolve))

    misuse(socket)

    expect([1003, 1006, 1009, 4401, 4429]).toContain(await end)
    expect(bystander.readyState).toBe(WebSocket.OPEN)
    bystander.terminate()
  })

  test('that flood with pings, or come by the hundred, leave requests served', async () => {
    const sockets = Array.from({ length: 200 }, () => dial())
    for (const socket of sockets) socket.on('error', () => {}).on('open', () => socket.ping(Buffer.alloc(125)))
    await new Promise((resolve) => setTimeout(resolve, 500))

    expect((await alice.get('/account/whoami')).status).toBe(200)
    for (const socket of sockets) socket.terminate()
  })
})
