/**
 * The federation client against a TLS server on loopback that misbehaves in every way a peer can:
 * each is refused under its name, within its time, and the next request is served.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeOpenSocket, type TransportRules } from '../../../server/federation/connector.js'
import type { Destinations } from '../../../server/federation/destinations.js'
import { makeFederationClient } from '../../../server/federation/federation-client.js'
import type { FederationFailure } from '../../../server/federation/federation-error.js'
import type { Dns, Target } from '../../../server/federation/resolve-server-name.js'
import { makeFetchWellKnown, makeTransport } from '../../../server/federation/transport.js'
import { parseServerName, type ServerName } from '../../../server/kernel/identifiers.js'
import { makeSigner } from '../../support/rooms.js'
import { type Certificate, makeTestCa } from '../../support/test-ca.js'

const ca = makeTestCa()
const otherCa = makeTestCa('Somebody else')
const servers: Server[] = []
const paths: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/ok': (_request, response) => response.end('{"hello":"world"}'),
  '/hang': () => {},
  '/slow-bytes': (_request, response) => {
    response.write('{"a":"')
    const timer = setInterval(() => response.write('x'), 50)
    response.on('close', () => clearInterval(timer))
  },
  '/big': (_request, response) => {
    const chunk = 'x'.repeat(64 * 1024)
    let sent = 0
    const more = () => {
      while (sent < 10 * 1024 * 1024) {
        sent += chunk.length
        if (!response.write(chunk)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  },
  '/deep': (_request, response) => response.end(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`),
  '/html': (_request, response) => response.end('<html>'),
  '/list': (_request, response) => response.end('[1]'),
  '/gone': (_request, response) => response.writeHead(404).end('{"errcode":"M_NOT_FOUND","error":"no"}'),
  '/broken': (_request, response) => response.writeHead(502).end('bad gateway'),
  '/cut': (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('{')
    setTimeout(() => response.socket?.destroy(), 20)
  },
  '/redirect': (_request, response) => response.writeHead(302, { location: '/ok' }).end(),
}

async function listen(certificate: Certificate): Promise<number> {
  const server = createServer(certificate, (request, response) => {
    const answer = paths[request.url ?? '']
    if (answer) answer(request, response)
    else response.writeHead(404).end('{"errcode":"M_UNRECOGNIZED"}')
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const name = (text: string) => parseServerName(text) as ServerName
const local: Dns = { lookup: async () => [{ address: '127.0.0.1', family: 4 }], srv: async () => [] }
const trusting: TransportRules = { verifyCertificates: true, allowPrivateAddresses: true, caCertificates: ca.pem }

type Outcome = { succeeded: string[]; failed: [string, FederationFailure][] }

type Options = { rules?: TransportRules; dns?: Dns; host?: string; certificateFor?: string }

function clientFor(
  port: number,
  { rules = trusting, dns = local, host = 'peer.test', certificateFor = host }: Options = {},
) {
  const outcome: Outcome = { succeeded: [], failed: [] }
  const destinations = {
    checkDue() {},
    succeeded: (server: ServerName) => void outcome.succeeded.push(server),
    failed: (server: ServerName, error: { failure: FederationFailure }) =>
      void outcome.failed.push([server, error.failure]),
  } as unknown as Destinations
  const transport = makeTransport({ openSocket: makeOpenSocket({ dns, rules }) })
  const target: Target = { host, port, hostHeader: host, certificateFor }
  const signer = makeSigner('us.test')
  const client = makeFederationClient({
    serverName: signer.serverName,
    signingKey: signer.key,
    resolveServerName: async () => [target],
    transport,
    destinations,
    isServerAllowed: (server) => server !== 'denied.test',
  })
  const get = (path: string, options = {}) =>
    client.request({ destination: name('peer.test'), method: 'GET', path, timeoutMs: 700, ...options })
  return { client, get, outcome, transport }
}

let port = 0
beforeAll(async () => {
  port = await listen(ca.issue(['peer.test', '127.0.0.1']))
})
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

describe('a peer that behaves', () => {
  test('its answer is read, and it counts as well', async () => {
    const { get, outcome } = clientFor(port)
    expect(await get('/ok')).toEqual({ hello: 'world' })
    expect(outcome).toEqual({ succeeded: ['peer.test'], failed: [] })
  })

  test('its connection is used again', async () => {
    const connections = new Set<number>()
    paths['/port'] = (request, response) => {
      connections.add(request.socket.remotePort ?? 0)
      response.end('{}')
    }
    const { get } = clientFor(port)
    for (let i = 0; i < 5; i++) await get('/port')
    // The pool may open a second one while the first still closes its last answer.
    expect(connections.size).toBeLessThanOrEqual(2)
  })

  test('an IP address as its name is checked against the certificate too', async () => {
    expect(await clientFor(port, { host: '127.0.0.1' }).get('/ok')).toEqual({ hello: 'world' })
  })

  test('the name asked for by TLS and in the Host header are those of discovery', async () => {
    const seen: unknown[] = []
    paths['/names'] = (request, response) => {
      seen.push((request.socket as unknown as { servername: string }).servername, request.headers.host)
      response.end('{}')
    }
    await clientFor(port).get('/names')
    expect(seen).toEqual(['peer.test', 'peer.test'])
  })
})

describe('a peer that does not', () => {
  const cases: [path: string, failure: FederationFailure, isOutage: boolean][] = [
    ['/hang', 'timeout', true],
    ['/slow-bytes', 'timeout', true],
    ['/big', 'too-large', true],
    ['/deep', 'bad-answer', false],
    ['/html', 'bad-answer', false],
    ['/list', 'bad-answer', false],
    ['/cut', 'connect', true],
    ['/broken', 'refused', true],
    ['/gone', 'refused', false],
    ['/redirect', 'refused', false],
  ]
  test.each(cases)('%s fails as "%s" (outage: %s) and leaves us working', async (path, failure, isOutage) => {
    const { get, outcome } = clientFor(port)
    const startedAt = performance.now()
    await expect(get(path)).rejects.toMatchObject({ name: 'FederationError', failure })
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect(outcome.failed).toEqual(isOutage ? [['peer.test', failure]] : [])
    expect(await get('/ok')).toEqual({ hello: 'world' })
  })

  test('what it refused with is kept', async () => {
    await expect(clientFor(port).get('/gone')).rejects.toMatchObject({
      answer: { status: 404, errcode: 'M_NOT_FOUND', error: 'no' },
    })
  })

  test('nobody listening is "connect"', async () => {
    await expect(clientFor(1).get('/ok')).rejects.toMatchObject({ failure: 'connect' })
  })

  test('a caller who gives up does not count against it', async () => {
    const { get, outcome } = clientFor(port)
    const asked = get('/hang', { signal: AbortSignal.timeout(50), timeoutMs: 5000 })
    await expect(asked).rejects.toMatchObject({ failure: 'aborted' })
    expect(outcome.failed).toEqual([])
  })
})

describe('certificates', () => {
  test.each<[string, () => Certificate]>([
    ['of another authority', () => otherCa.issue(['peer.test'])],
    ['for another name', () => ca.issue(['other.test'])],
    ['that has expired', () => ca.issue(['peer.test'], { validDays: -1 })],
  ])('one %s is refused', async (_what, issue) => {
    const bad = await listen(issue())
    await expect(clientFor(bad).get('/ok')).rejects.toMatchObject({ failure: 'certificate' })
  })

  test('one for the place but not for the name of the server is refused', async () => {
    const { get } = clientFor(port, { host: 'peer.test', certificateFor: 'delegated.test' })
    await expect(get('/ok')).rejects.toMatchObject({ failure: 'certificate' })
  })

  test('verify_certificates off takes any', async () => {
    const bad = await listen(otherCa.issue(['whatever.test']))
    const { get } = clientFor(bad, { rules: { ...trusting, verifyCertificates: false } })
    expect(await get('/ok')).toEqual({ hello: 'world' })
  })
})

describe('whom we connect to', () => {
  const guarded: TransportRules = { ...trusting, allowPrivateAddresses: false }

  test('a name that resolves to a private address is refused', async () => {
    await expect(clientFor(port, { rules: guarded }).get('/ok')).rejects.toMatchObject({ failure: 'private-address' })
  })

  test('so is a private address itself', async () => {
    const { get } = clientFor(port, { rules: guarded, host: '127.0.0.1' })
    await expect(get('/ok')).rejects.toMatchObject({ failure: 'private-address' })
  })

  test('a name that changes to a private address between two lookups gains nothing', async () => {
    let lookups = 0
    const rebinding: Dns = {
      ...local,
      async lookup() {
        lookups++
        return [{ address: lookups === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }]
      },
    }
    const { get } = clientFor(port, { rules: guarded, dns: rebinding })
    await expect(get('/ok')).rejects.toMatchObject({ failure: 'private-address' })
    await expect(get('/ok')).rejects.toMatchObject({ failure: 'private-address' })
  })

  test('excluded servers and ourselves are not asked', async () => {
    const { client, outcome } = clientFor(port)
    for (const destination of ['denied.test', 'us.test'])
      await expect(
        client.request({ destination: name(destination), method: 'GET', path: '/ok' }),
      ).rejects.toMatchObject({
        failure: 'not-allowed',
      })
    expect(outcome).toEqual({ succeeded: [], failed: [] })
  })
})

describe('well-known files', () => {
  const fetchFrom = (places: Record<string, (response: ServerResponse) => void>) => {
    for (const [path, answer] of Object.entries(places)) paths[path] = (_request, response) => answer(response)
    const { transport } = clientFor(port)
    // Port 443 is not ours to open in a test: what is asked there is asked at the test server instead.
    const onTestPort = {
      ...transport,
      exchange: (request: Parameters<typeof transport.exchange>[0]) =>
        transport.exchange({ ...request, target: { ...request.target, port, certificateFor: 'peer.test' } }),
    }
    return makeFetchWellKnown({ transport: onTestPort })('peer.test')
  }
  const file = '/.well-known/matrix/server'

  test('a redirect is followed', async () => {
    const answer = await fetchFrom({
      [file]: (response) => response.writeHead(301, { location: '/elsewhere' }).end(),
      '/elsewhere': (response) => response.end('{"m.server":"d.example:1"}'),
    })
    expect(answer).toMatchObject({ status: 200, body: { 'm.server': 'd.example:1' } })
  })

  test.each([
    ['to itself', file],
    ['to plain http', 'http://peer.test/elsewhere'],
    ['to nowhere', 'https://'],
  ])('a redirect %s is not', async (_where, location) => {
    const answer = fetchFrom({ [file]: (response) => response.writeHead(301, { location }).end() })
    await expect(answer).rejects.toMatchObject({ failure: 'name' })
  })

  test('a file of a megabyte is not read', async () => {
    const answer = fetchFrom({ [file]: (response) => response.end('x'.repeat(1024 * 1024)) })
    await expect(answer).rejects.toMatchObject({ failure: 'too-large' })
  })
})
