/** The built user interface over sockets: forms, caching, and paths that no browser would send. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bindEndpoints, defineEndpoint } from '../../../server/http/endpoint.js'
import { type Listeners, startListeners } from '../../../server/http/listeners.js'
import { systemClock } from '../../../server/kernel/clock.js'
import { defaultConfig } from '../../../server/kernel/config.js'

const dir = mkdtempSync(join(tmpdir(), 'hearth-page-'))
const page = `<!doctype html><title>Hearth</title>${'<p>hello</p>'.repeat(200)}`
const script = `export const hello = '${'hello '.repeat(500)}'`
const files: Record<string, string | Buffer> = {
  'index.html': page,
  'index.html.br': brotliCompressSync(page),
  'index.html.gz': gzipSync(page),
  'assets/app-1.js': script,
  'assets/app-1.js.br': brotliCompressSync(script),
  'assets/app-1.js.gz': gzipSync(script),
  'hearth.svg': '<svg/>',
  '.env': 'SECRET=1',
  '.git/config.json': '{"secret":1}',
  'assets/.hidden.js': 'secret',
  'notes.surql': 'secret',
}
let listeners: Listeners
let port: number

beforeAll(async () => {
  const root = join(dir, 'renderer')
  for (const folder of ['assets', '.git', 'folder.js']) mkdirSync(join(root, folder), { recursive: true })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content)
  writeFileSync(join(dir, 'outside.js'), 'secret')
  const config = defaultConfig(dir)
  Object.assign(config.listeners.client, { port: 0, host: '127.0.0.1' })
  config.renderer_dir = root
  listeners = await startListeners({
    config,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    endpoints: bindEndpoints(
      [
        defineEndpoint({
          operationId: 'open',
          method: 'GET',
          path: '/_matrix/client/v3/rooms/:roomId/open',
          auth: 'none',
          handle: async () => ({ ok: true }),
        }),
      ],
      {},
    ),
    authenticate: async () => {
      throw new Error('nobody has a token here')
    },
    admitServer: () => {
      throw new Error('no servers here')
    },
  })
  port = Number(new URL(listeners.clientUrl!).port)
})
afterAll(async () => {
  await listeners.close()
  rmSync(dir, { recursive: true, force: true })
})

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }

/** As it is: `fetch` would tidy the path up. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<Answer>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) }),
      )
    })
      .on('error', reject)
      .end()
  })
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

describe('the page', () => {
  test('is asked for every time, under its content security policy', async () => {
    const answer = await get('/', browser)

    expect([answer.status, answer.body.toString()]).toEqual([200, page])
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(answer.headers['cache-control']).toBe('no-cache')
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
  })

  test('is not sent again while it is the same', async () => {
    const { headers } = await get('/', browser)
    const etag = String(headers.etag)

    const same = await get('/', { ...browser, 'if-none-match': `"other", W/${etag}` })
    const changed = await get('/', { ...browser, 'if-none-match': '"other"' })

    expect([same.status, same.body.length, same.headers.etag]).toEqual([304, 0, etag])
    expect([changed.status, changed.body.length]).toEqual([200, page.length])
  })

  test.each([
    ['br, gzip, deflate', 'br', (body: Buffer) => brotliDecompressSync(body)],
    ['gzip', 'gzip', (body: Buffer) => gunzipSync(body)],
    ['gzip;q=1.0, br;q=0', 'gzip', (body: Buffer) => gunzipSync(body)],
    ['deflate', undefined, (body: Buffer) => body],
  ])('goes out as a browser with "%s" takes it', async (accepted, coding, decode) => {
    const file = await get('/assets/app-1.js', { 'accept-encoding': accepted })

    expect(file.headers['content-encoding']).toBe(coding)
    expect(decode(file.body).toString()).toBe(script)
    expect(file.headers.vary).toBe('accept-encoding')
    expect(Number(file.headers['content-length'])).toBe(file.body.length)
    if (coding) expect(file.body.length).toBeLessThan(script.length / 4)
  })

  test('has another tag in each form', async () => {
    const codings = ['br', 'gzip', 'identity']
    const tags = await Promise.all(
      codings.map(async (coding) => (await get('/', { 'accept-encoding': coding })).headers.etag),
    )

    expect(new Set(tags).size).toBe(3)
  })

  test('keeps files with a hash in their names for ever, and others not', async () => {
    expect((await get('/assets/app-1.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await get('/hearth.svg')).headers['cache-control']).toBe('no-cache')
  })

  test('tells its length without its body', async () => {
    const answer = await get('/', browser, 'HEAD')

    expect([answer.status, Number(answer.headers['content-length']), answer.body.length]).toEqual([200, page.length, 0])
  })

  test('is reached from a path of the app, which stands in its fragment', async () => {
    const answer = await get('/room/!a:b.example.org?via=c', browser)

    expect([answer.status, answer.headers.location]).toEqual([302, '/#/room/!a:b.example.org?via=c'])
  })

  test('is nothing for other methods', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await get('/', browser, method)
      expect([answer.status, JSON.parse(answer.body.toString()).errcode]).toEqual([404, 'M_UNRECOGNIZED'])
    }
  })
})

const hostile = [
  '/.env',
  '/.git/config.json',
  '/.git/',
  '/assets/.hidden.js',
  '/%2eenv',
  '/%2Egit%2fconfig.json',
  '/../outside.js',
  '/assets/../../outside.js',
  '/..%2foutside.js',
  '/%2e%2e/outside.js',
  '/%2e%2e%2foutside.js',
  '/assets/..%2f..%2foutside.js',
  '/assets/..%5c..%5coutside.js',
  '/..\\outside.js',
  '/%252e%252e%252foutside.js',
  '/.%00./outside.js',
  '/index.html%00.js',
  '/index.html%00',
  '/%00',
  '/%zz',
  '/%',
  '/%c0%ae%c0%ae/outside.js',
  '/%ff%fe.js',
  '/assets/',
  '/assets//app-1.js',
  '//outside.js',
  '/C:/windows/win.js',
  '/index.html::$DATA',
  '/index.html.br',
  '/assets/app-1.js.gz',
  '/assets/none.js',
  '/folder.js',
  '/notes.surql',
  '/assets/app-1.js/more.js',
  `/${'a'.repeat(2000)}.js`,
  `/${'a/'.repeat(1500)}a.js`,
  '/wp-login.php',
]

describe('a path that names nothing of the page', () => {
  test.each(hostile)('%s is 404 for a program', async (path) => {
    const answer = await get(path)

    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.body.toString()).errcode).toBe('M_UNRECOGNIZED')
  })

  test.each(hostile)('%s gives a browser nothing either', async (path) => {
    const answer = await get(path, browser)

    expect([302, 404]).toContain(answer.status)
    expect(answer.body.toString()).not.toMatch(/secret|hello/i)
    if (answer.status === 302) expect(String(answer.headers.location)).toMatch(/^\/#\//)
  })

  test.each(['/.env', '/..%2foutside.js', '/.well-known/nothing', '/%00', '/assets/none.js'])(
    '%s is a page that says so, with a way back',
    async (path) => {
      const answer = await get(path, browser)

      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8'])
      expect(answer.body.toString()).toContain('<a href="/">')
    },
  )

  test.each(hostile)('%s below /_matrix is an error of the API, whoever asks', async (path) => {
    for (const at of [`/_matrix${path}`, `/_matrix/client/v3/rooms${path}`, `/_hearth${path}`]) {
      const answer = await get(at, browser)
      const { errcode } = JSON.parse(answer.body.toString())
      expect([
        [404, 'M_UNRECOGNIZED'],
        [400, 'M_INVALID_PARAM'],
      ]).toContainEqual([answer.status, errcode])
    }
  })

  test.each([
    ['a NUL', 'GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['bytes beyond ASCII', 'GET /\xff\xfe.js HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
    ['a whole URL', 'GET http://evil.example/.env HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 404],
    ['a star', 'GET * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 404],
    ['no path', 'GET ? HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
  ])('with %s in its request line is refused, and no fault of the server', async (_, text, status) => {
    const answer = await new Promise<string>((resolve, reject) => {
      let heard = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')))
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.on('close', () => resolve(heard)).on('error', reject)
    })

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })
})
