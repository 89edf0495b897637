/** Previews of links over HTTP, of pages that a server on this machine tells. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { afterEach, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A web server; `asked` counts by path. */
async function serve(pages: Record<string, string | Buffer | Answer>) {
  const asked = new Map<string, number>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.set(path, (asked.get(path) ?? 0) + 1)
    const page = pages[path]
    if (typeof page === 'function') return page(request, response)
    if (page === undefined) return response.writeHead(404).end()
    response.setHeader('content-type', typeof page === 'string' ? 'text/html; charset=utf-8' : 'image/png')
    response.end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close() {
      server.closeAllConnections()
      server.close()
    },
  })
  return { asked, url: (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}` }
}

const start = (options: { private?: boolean; enabled?: boolean } = {}) =>
  startHomeserver({
    users: ['alice', 'bob'],
    config(config) {
      Object.assign(config.url_previews, { enabled: options.enabled ?? true })
      Object.assign(config.outbound, { allow_private_addresses: options.private ?? true })
    },
  })

const preview = (user: TestClient, url: string, path = '/_matrix/client/v1/media/preview_url') =>
  user.get(`${path}?url=${encodeURIComponent(url)}`)

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .png()
    .toBuffer()

describe('a page', () => {
  test('its words, and its picture as media of this server, in its real size', async () => {
    const bytes = await picture(40, 30)
    const web = await serve({
      '/page': `<title>Plain</title><meta property="og:title" content="Teal"><meta property="og:site_name" content="Web">
        <meta property="og:image" content="pictures/teal.png"><meta property="og:image:width" content="9999">
        <meta name="description" content="All of it.">`,
      '/pictures/teal.png': bytes,
    })
    await using hs = await start()
    const alice = hs.as('alice')
    const { status, body } = await preview(alice, web.url('/page#part'))
    expect(status).toBe(200)
    expect(body).toEqual({
      'og:title': 'Teal',
      'og:site_name': 'Web',
      'og:description': 'All of it.',
      'og:image': expect.stringMatching(/^mxc:\/\/test\//),
      'og:image:type': 'image/png',
      'og:image:width': 40,
      'og:image:height': 30,
      'matrix:image:size': bytes.length,
    })
    const path = body['og:image'].slice('mxc://'.length)
    const media = await hs.as('bob').get(`/_matrix/client/v1/media/download/${path}`)
    expect(media.body.equals(bytes)).toBe(true)
  })

  test('is asked for once, however many look, at once or later', async () => {
    const web = await serve({ '/page': '<title>T</title>' })
    await using hs = await start()
    const looks = ['alice', 'bob', 'alice', 'bob'].map((name) => preview(hs.as(name), web.url('/page')))
    for (const { body } of await Promise.all(looks)) expect(body).toEqual({ 'og:title': 'T' })
    await preview(hs.as('bob'), web.url('/page'), '/_matrix/media/v3/preview_url')
    expect(web.asked.get('/page')).toBe(1)
  })

  test('that is a picture itself, and one that is neither', async () => {
    const web = await serve({
      '/a%20picture.png': await picture(5, 6),
      '/data': (_request, response) => response.setHeader('content-type', 'application/zip').end('zip'),
    })
    await using hs = await start()
    expect((await preview(hs.as('alice'), web.url('/a%20picture.png'))).body).toMatchObject({
      'og:title': 'a picture.png',
      'og:image:width': 5,
      'og:image:height': 6,
    })
    expect((await preview(hs.as('alice'), web.url('/data'))).body).toEqual({})
  })

  test('what calls itself a picture and is none leaves the words', async () => {
    const web = await serve({
      '/page': '<title>T</title><meta property="og:image" content="/svg">',
      '/svg': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    })
    await using hs = await start()
    expect((await preview(hs.as('alice'), web.url('/page'))).body).toEqual({ 'og:title': 'T' })
  })
})

describe('no page', () => {
  test('in the own network, straight or by a redirect, unless the owner allows it', async () => {
    const web = await serve({ '/page': '<title>router</title>' })
    await using hs = await start({ private: false })
    for (const url of [web.url('/page'), 'http://[::1]/', 'http://localhost/']) {
      const { status, body } = await preview(hs.as('alice'), url)
      expect([url, status, body.errcode]).toEqual([url, 403, 'M_FORBIDDEN'])
    }
    expect(web.asked.size).toBe(0)
  })

  test('without end, broken or gone: told in a sentence, and not asked again at once', async () => {
    const web = await serve({
      '/round': (_request, response) => response.writeHead(302, { location: '/round' }).end(),
      '/broken': (_request, response) => response.destroy(),
      '/file': (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    })
    await using hs = await start()
    for (const path of ['/round', '/broken', '/gone', '/file']) {
      const { status, body } = await preview(hs.as('alice'), web.url(path))
      expect([path, status, body.errcode]).toEqual([path, 502, 'M_UNKNOWN'])
      const before = web.asked.get(path)
      expect((await preview(hs.as('bob'), web.url(path))).status).toBe(502)
      expect(web.asked.get(path)).toBe(before)
    }
    expect(web.asked.get('/round')).toBe(6)
  })

  test('of what is no web address; without a token; where the owner has not asked for previews', async () => {
    await using hs = await start()
    for (const url of [
      '',
      'nonsense',
      'file:///etc/passwd',
      'mailto:a@b.example',
      `http://a.example/${'x'.repeat(5_000)}`,
    ])
      expect((await preview(hs.as('alice'), url)).status).toBe(400)
    expect((await hs.request('GET', '/_matrix/client/v1/media/preview_url?url=http://a.example')).status).toBe(401)
    await using other = await start({ enabled: false })
    expect((await preview(other.as('alice'), 'http://a.example/')).body.errcode).toBe('M_FORBIDDEN')
  })
})
