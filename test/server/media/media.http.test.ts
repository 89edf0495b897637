/** Uploads, downloads and thumbnails over HTTP. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

const media = '/_matrix/client/v1/media'
const upload = (user: TestClient, body: unknown, type = 'text/plain', query = '') =>
  user.post(`/_matrix/media/v3/upload${query}`, body, { headers: { 'content-type': type } })
const pathOf = (uri: string) => uri.slice('mxc://'.length)
const filesOf = async (hs: TestHomeserver) =>
  (await readdir(join(hs.dataDir, 'media'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())

let shared: TestHomeserver
beforeAll(async () => {
  shared = await startHomeserver({ users: ['alice'] })
})
afterAll(() => shared.close())

describe('upload and download', () => {
  test('bytes come back as they were, under the name and type they were given', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const bytes = Buffer.from([...Array(70_000).keys()].map((n) => n % 256))
    const { content_uri } = (await upload(hs.as('alice'), bytes, 'application/x-thing', '?filename=h%C3%BCt.bin')).body
    const answer = await hs.as('bob').get(`${media}/download/${pathOf(content_uri)}`)

    expect(answer.status).toBe(200)
    expect(answer.body.equals(bytes)).toBe(true)
    expect(answer.headers.get('content-type')).toBe('application/x-thing')
    expect(answer.headers.get('content-disposition')).toBe("attachment; filename*=utf-8''h%C3%BCt.bin")
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    const renamed = await hs.as('bob').get(`${media}/download/${pathOf(content_uri)}/other.txt`)
    expect(renamed.headers.get('content-disposition')).toBe('attachment; filename="other.txt"')
  })

  test('a name comes back as it was given, without what would end the header', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const dispositionOf = async (name: string) => {
      const query = `?filename=${encodeURIComponent(name)}`
      const { content_uri } = (await upload(hs.as('alice'), Buffer.from('x'), 'image/png', query)).body
      return (await hs.as('alice').get(`${media}/download/${pathOf(content_uri)}`)).headers.get('content-disposition')
    }
    expect(await dispositionOf('ann\u202egpj.exe')).toBe("inline; filename*=utf-8''ann%E2%80%AEgpj.exe")
    expect(await dispositionOf('a\r\nX-Evil: 1\u0000')).toBe('inline; filename="aX-Evil: 1"')
  })

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=3-1', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['bytes=-', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('of a file %s is answered with %i', async (range, status, content, told) => {
    const { content_uri } = (await upload(shared.as('alice'), '0123456789')).body

    const answer = await shared.as('alice').get(`${media}/download/${pathOf(content_uri)}`, { headers: { range } })

    expect([answer.status, String(answer.body), answer.headers.get('content-range')]).toEqual([status, content, told])
    expect(answer.headers.get('content-length')).toBe(String(content.length))
  })

  test('only harmless types are shown in place; a type that is none is a download', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const disposition = async (type: string) => {
      const { content_uri } = (await upload(alice, 'x', type)).body
      const { headers } = await alice.get(`${media}/download/${pathOf(content_uri)}`)
      return [headers.get('content-type'), headers.get('content-disposition')]
    }
    expect(await disposition('text/plain; charset=utf-8')).toEqual(['text/plain; charset=utf-8', 'inline'])
    expect(await disposition('text/html')).toEqual(['text/html; charset=utf-8', 'attachment'])
    expect(await disposition('image/svg+xml')).toEqual(['image/svg+xml', 'attachment'])
    expect(await disposition('nonsense')).toEqual(['application/octet-stream', 'attachment'])
  })

  test('needs a token, and the old endpoints serve nothing that was uploaded since', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const { content_uri } = (await upload(hs.as('alice'), 'x')).body
    expect((await hs.request('GET', `${media}/download/${pathOf(content_uri)}`)).body.errcode).toBe('M_MISSING_TOKEN')
    const old = await hs.request('GET', `/_matrix/media/v3/download/${pathOf(content_uri)}`)
    expect([old.status, old.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect((await hs.request('POST', '/_matrix/media/v3/upload', { body: 'x' })).body.errcode).toBe('M_MISSING_TOKEN')
  })

  test('the same file twice is two URIs and one file', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const [one, two] = [await upload(hs.as('alice'), 'same'), await upload(hs.as('alice'), 'same')]
    expect(one.body.content_uri).not.toBe(two.body.content_uri)
    expect(await filesOf(hs)).toHaveLength(1)
  })

  test('a file over the limit is 413 and leaves nothing behind, declared or not', async () => {
    await using hs = await startHomeserver({
      users: ['alice'],
      config: (config) => Object.assign(config.media, { max_upload_bytes: 1000 }),
    })
    const alice = hs.as('alice')
    const declared = await alice.post('/_matrix/media/v3/upload', Buffer.alloc(1001), {
      headers: { 'content-length': '1001' },
    })
    const streamed = await upload(alice, Buffer.alloc(1001))
    for (const refused of [declared, streamed])
      expect([refused.status, refused.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    expect((await upload(alice, Buffer.alloc(1000))).status).toBe(200)
    expect(await filesOf(hs)).toHaveLength(1)
    expect((await alice.get(`${media}/config`)).body).toEqual({ 'm.upload.size': 1000 })
  })

  test('what does not exist, is elsewhere, or is no media ID is refused', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const at = (path: string) =>
      hs
        .as('alice')
        .get(`${media}/download/${path}`)
        .then(({ status, body }) => [status, body.errcode])
    expect(await at('test/nothing')).toEqual([404, 'M_NOT_FOUND'])
    expect(await at('elsewhere.example/thing')).toEqual([404, 'M_NOT_FOUND'])
    expect(await at('test/..%2f..%2fkeys')).toEqual([400, 'M_INVALID_PARAM'])
  })
})

describe('a URI made before its upload', () => {
  test('is filled once, by whoever made it; a download waits for it', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const { content_uri, unused_expires_at } = (await alice.post('/_matrix/media/v1/create')).body
    expect(unused_expires_at).toBeGreaterThan(Date.now())
    const path = pathOf(content_uri)
    const fill = (user: TestClient) =>
      user.put(`/_matrix/media/v3/upload/${path}`, 'late', { headers: { 'content-type': 'text/plain' } })

    const early = await bob.get(`${media}/download/${path}?timeout_ms=0`)
    expect([early.status, early.body.errcode]).toEqual([504, 'M_NOT_YET_UPLOADED'])
    expect((await fill(bob)).body.errcode).toBe('M_FORBIDDEN')

    const waiting = bob.get(`${media}/download/${path}`)
    expect((await fill(alice)).status).toBe(200)
    expect((await waiting).body.toString()).toBe('late')
    const again = await fill(alice)
    expect([again.status, again.body.errcode]).toEqual([409, 'M_CANNOT_OVERWRITE_MEDIA'])
    expect((await alice.put('/_matrix/media/v3/upload/test/madeup', 'x')).body.errcode).toBe('M_NOT_FOUND')
  })

  test('counts against its user while it waits, and no longer once it is filled', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const create = () => alice.post('/_matrix/media/v1/create')
    const uris: string[] = []
    for (let i = 0; i < 100; i++) uris.push((await create()).body.content_uri)

    expect((await create()).status).toBe(429)
    await alice.put(`/_matrix/media/v3/upload/${pathOf(uris[0]!)}`, 'x', { headers: { 'content-type': 'text/plain' } })
    expect((await create()).status).toBe(200)
  })

  test('is filled by the first of two uploads at the same time', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const path = pathOf((await alice.post('/_matrix/media/v1/create')).body.content_uri)
    const fill = (text: string) =>
      alice.put(`/_matrix/media/v3/upload/${path}`, text, { headers: { 'content-type': 'text/plain' } })

    const answers = await Promise.all([fill('first'), fill('second')])

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    const winner = answers[0]!.status === 200 ? 'first' : 'second'
    expect((await alice.get(`${media}/download/${path}`)).body.toString()).toBe(winner)
  })
})

describe('thumbnails', () => {
  const picture = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#884400' } })
      .png()
      .toBuffer()

  test('fit the wanted size: scaled with their shape, cropped without', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const { content_uri } = (await upload(alice, await picture(1000, 500), 'image/png')).body
    const sizeOf = async (query: string) => {
      const answer = await alice.get(`${media}/thumbnail/${pathOf(content_uri)}?${query}`)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-disposition')).toContain('inline')
      const { width, height, format } = await sharp(answer.body).metadata()
      return [width, height, format]
    }
    expect(await sizeOf('width=300&height=200&method=scale')).toEqual([320, 160, 'jpeg'])
    expect(await sizeOf('width=90&height=90&method=crop')).toEqual([96, 96, 'jpeg'])
    expect(await sizeOf('width=90&height=90&method=crop')).toEqual([96, 96, 'jpeg']) // kept from before
    expect((await filesOf(hs)).filter(({ parentPath }) => parentPath.includes('thumbnails'))).toHaveLength(2)
  })

  test('move only where that is asked for', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const frame = (background: string) =>
      sharp({ create: { width: 64, height: 64, channels: 3, background } })
        .png()
        .toBuffer()
    const gif = await sharp([await frame('#f00'), await frame('#00f')], { join: { animated: true } })
      .gif()
      .toBuffer()
    const { content_uri } = (await upload(alice, gif, 'image/gif')).body
    const at = (query: string) =>
      alice.get(`${media}/thumbnail/${pathOf(content_uri)}?width=32&height=32&method=crop${query}`)
    expect((await sharp((await at('')).body).metadata()).pages ?? 1).toBe(1)
    const moving = await at('&animated=true')
    expect(moving.headers.get('content-type')).toBe('image/webp')
    expect((await sharp(moving.body).metadata()).pages).toBe(2)
  })

  test('are not made of what is no picture, whatever it says it is', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>1</script></svg>'
    for (const body of ['no picture', svg, (await picture(50, 50)).subarray(0, 60)]) {
      const { content_uri } = (await upload(alice, body, 'image/png')).body
      const refused = await alice.get(`${media}/thumbnail/${pathOf(content_uri)}?width=32&height=32`)
      expect([refused.status, refused.body.errcode]).toEqual([400, 'M_UNKNOWN'])
    }
    const { content_uri } = (await upload(alice, await picture(8, 8), 'image/png')).body
    for (const query of ['width=0&height=9', 'width=9', 'width=9&height=9&method=stretch']) {
      const refused = await alice.get(`${media}/thumbnail/${pathOf(content_uri)}?${query}`)
      expect(refused.status).toBe(400)
    }
  })

  test('of a picture with a line of millions of pixels are refused before it is decoded', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    for (const [width, height] of [
      [1, 60_000_000],
      [60_000_000, 1],
      [1, 40_000],
      [9_000, 9_000],
    ] as const) {
      const { content_uri } = (await upload(alice, pngHeader(width, height), 'image/png')).body
      const refused = await alice.get(`${media}/thumbnail/${pathOf(content_uri)}?width=32&height=32`)
      expect([refused.status, refused.body.errcode], `${width} × ${height}`).toEqual([413, 'M_TOO_LARGE'])
    }
  })

  test('of one user’s large pictures do not keep another’s waiting', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'eve'] })
    const [alice, eve] = [hs.as('alice'), hs.as('eve')]
    const noise = (width: number, height: number, seed: number) =>
      sharp({ create: { width, height, channels: 3, background: { r: seed, g: 9, b: 9 } } })
        .png({ compressionLevel: 1 })
        .toBuffer()
    const large: string[] = []
    for (let i = 0; i < 12; i++)
      large.push((await upload(eve, await noise(7_000, 7_000, i), 'image/png')).body.content_uri)
    const small: string[] = []
    for (let i = 0; i < 20; i++)
      small.push((await upload(alice, await noise(400, 400, i), 'image/png')).body.content_uri)
    const ask = async (user: TestClient, uri: string) => {
      const began = performance.now()
      const answer = await user.get(`${media}/thumbnail/${pathOf(uri)}?width=96&height=96&method=crop`)
      expect(answer.status).toBe(200)
      return performance.now() - began
    }
    const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]!
    const before: number[] = []
    for (const uri of small.slice(0, 10)) before.push(await ask(alice, uri))

    let done = 0
    const flood = large.map((uri) => ask(eve, uri).finally(() => void done++))
    const during: number[] = []
    for (const uri of small.slice(10)) during.push(await ask(alice, uri))
    const doneMeanwhile = done
    const tookEach = await Promise.all(flood)

    expect(doneMeanwhile).toBeLessThan(large.length / 2)
    expect(median(during)).toBeLessThan(Math.max(10 * median(before), median(tookEach) / 4))
  }, 60_000)

  test('that nobody waits for any more are not made', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const alice = hs.as('alice')
    const uris: string[] = []
    for (let i = 0; i < 20; i++) {
      const image = sharp({ create: { width: 3_000 + i, height: 3_000, channels: 3, background: '#123' } })
      uris.push((await upload(alice, await image.png().toBuffer(), 'image/png')).body.content_uri)
    }
    const controller = new AbortController()
    const { signal } = controller
    const asked = uris.map((uri) => alice.get(`${media}/thumbnail/${pathOf(uri)}?width=32&height=32`, { signal }))
    const ended = Promise.allSettled(asked)
    await expect.poll(async () => (await thumbnailsOf(hs)).length).toBeGreaterThan(0)
    controller.abort()
    await ended
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await thumbnailsOf(hs)).length).toBeLessThan(uris.length)
  })
})

const thumbnailsOf = async (hs: TestHomeserver) =>
  (await filesOf(hs)).filter(({ parentPath }) => parentPath.includes('thumbnails'))

/** A PNG of that size as far as its header goes. */
function pngHeader(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    check.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, check])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const data = deflateSync(Buffer.alloc(1_000))
  return Buffer.concat([magic, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}
