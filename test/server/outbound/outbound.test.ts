/** Requests to places that users name: where they may go, and what is read of the answer. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { LookUp } from '../../../server/outbound/look-up.js'
import { makeOutbound, type Outbound } from '../../../server/outbound/outbound.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

async function serve(answer: RequestListener): Promise<number> {
  const server: Server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close() {
      server.closeAllConnections()
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

const loopback: LookUp = async () => [{ address: '127.0.0.1', family: 4 }]

function outboundOf(options: { allowPrivateAddresses: boolean; lookUp?: LookUp }): Outbound {
  const { lookUp = loopback, allowPrivateAddresses } = options
  const outbound = makeOutbound({ lookUp, rules: { verifyCertificates: true, allowPrivateAddresses } })
  open.push(outbound)
  return outbound
}

const get = (
  outbound: Outbound,
  url: string,
  options: { maxBytes?: number; mayCut?: boolean; timeoutMs?: number } = {},
) =>
  outbound.exchange({
    url: new URL(url),
    method: 'GET',
    timeoutMs: 5_000,
    maxBytes: 10_000,
    signal: new AbortController().signal,
    ...options,
  })

describe('where it may go', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://[::1]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://2130706433:PORT/', // the URL parser spells it 127.0.0.1
    'http://0x7f.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://public.example:PORT/', // looks up to loopback
    'http://169.254.169.254/latest/meta-data/',
  ])('%s: nobody is asked', async (url) => {
    let asked = 0
    const port = await serve((_request, response) => {
      asked += 1
      response.end('secret')
    })
    const refused = get(outboundOf({ allowPrivateAddresses: false }), url.replace('PORT', String(port)))
    await expect(refused).rejects.toMatchObject({ failure: 'private-address' })
    expect(asked).toBe(0)
  })

  test('a name is judged by the address that is used, each time anew', async () => {
    let asked = 0
    const port = await serve((_request, response) => {
      asked += 1
      response.end('secret')
    })
    let lookups = 0
    // First somewhere that nobody answers, then our own network: what a rebinding name server says.
    const lookUp: LookUp = async () => [{ address: lookups++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }]
    const outbound = outboundOf({ allowPrivateAddresses: false, lookUp })
    for (let i = 0; i < 3; i++)
      await expect(get(outbound, `http://rebind.example:${port}/`)).rejects.toMatchObject({
        failure: 'private-address',
      })
    expect([asked, lookups]).toEqual([0, 3])
  })

  test.each([
    'ftp://public.example/',
    'file:///etc/passwd',
    'http://user:pass@public.example/',
    'http://public.example:25/',
  ])('%s is no page', async (url) => {
    await expect(get(outboundOf({ allowPrivateAddresses: true }), url)).rejects.toMatchObject({ failure: 'name' })
  })

  test('a name without address says so', async () => {
    const outbound = outboundOf({ allowPrivateAddresses: true, lookUp: () => Promise.reject(new Error('no')) })
    await expect(get(outbound, 'http://nowhere.example/')).rejects.toMatchObject({ failure: 'name' })
  })
})

describe('what is read', () => {
  test('a packed answer is unpacked, and the cap counts what comes out of it', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    const port = await serve((request, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(request.url === '/bomb' ? bomb : gzipSync('hello'))
    })
    const outbound = outboundOf({ allowPrivateAddresses: true })
    expect((await get(outbound, `http://a.example:${port}/`)).body.toString()).toBe('hello')
    await expect(get(outbound, `http://a.example:${port}/bomb`)).rejects.toMatchObject({ failure: 'too-large' })
    expect((await get(outbound, `http://a.example:${port}/bomb`, { mayCut: true })).body).toHaveLength(10_000)
  })

  test('an answer that never ends is cut or refused, and its sender is hung up on', async () => {
    let closed = 0
    const port = await serve((_request, response) => {
      const timer = setInterval(() => response.write(Buffer.alloc(4_000)), 1)
      response.on('close', () => {
        closed += 1
        clearInterval(timer)
      })
    })
    const outbound = outboundOf({ allowPrivateAddresses: true })
    expect((await get(outbound, `http://a.example:${port}/`, { mayCut: true })).body).toHaveLength(10_000)
    await expect(get(outbound, `http://a.example:${port}/`)).rejects.toMatchObject({ failure: 'too-large' })
    await expect.poll(() => closed).toBe(2)
  })

  test('an answer that drips is over at the deadline', async () => {
    const port = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    })
    const begun = performance.now()
    const dripping = get(outboundOf({ allowPrivateAddresses: true }), `http://a.example:${port}/`, { timeoutMs: 300 })
    await expect(dripping).rejects.toMatchObject({ failure: 'timeout' })
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  test('garbage said to be packed, and a connection that breaks, are failures with a name', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/broken') return response.destroy()
      response.setHeader('content-encoding', request.url === '/odd' ? 'zstd' : 'gzip')
      response.end('not gzip at all')
    })
    const outbound = outboundOf({ allowPrivateAddresses: true })
    await expect(get(outbound, `http://a.example:${port}/`)).rejects.toMatchObject({ name: 'OutboundError' })
    await expect(get(outbound, `http://a.example:${port}/odd`)).rejects.toMatchObject({ failure: 'answer' })
    await expect(get(outbound, `http://a.example:${port}/broken`)).rejects.toMatchObject({ failure: 'connect' })
  })
})
