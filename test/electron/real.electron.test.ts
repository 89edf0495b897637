/**
 * The desktop app in the real Electron: what no fake can prove. Run by run.mjs, which has found the
 * binary; needs `npm run build`.
 *
 * On Linux as root there is no sandbox: the switch is given here, never by the product.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { _electron, type ElectronApplication, type Page } from 'playwright'
import { CborCodec, Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'

const repo = resolve(import.meta.dirname, '../..')
const binary = process.env.ELECTRON_BINARY!
const sandbox = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []
const codec = CborCodec.DEFAULT
const sharedSecret = 'only for this test'

type Started = { app: ElectronApplication; page: Page; dataDir: string } & AsyncDisposable

async function start(env: Record<string, string> = {}): Promise<Started> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-electron-'))
  const app = await _electron.launch({
    executablePath: binary,
    args: [...sandbox, repo, '--data-dir', dataDir, '--client-port', '0', '--server-name', 'electron.test'],
    env: {
      ...(process.env as Record<string, string>),
      HEARTH_REGISTRATION_SHARED_SECRET: sharedSecret,
      HEARTH_PASSWORD_HASHING_COST: 'test',
      ...env,
    },
  })
  const page = await app.firstWindow()
  await page.waitForLoadState('load')
  return {
    app,
    page,
    dataDir,
    async [Symbol.asyncDispose]() {
      await app.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

type Answer = { status: number; body: Record<string, unknown> }

/** A request of the page, by its own relative URL. */
const request = (page: Page, method: string, path: string, body?: unknown, token?: string): Promise<Answer> =>
  page.evaluate(
    async ([verb, url, json, bearer]) => {
      const answer = await fetch(url!, {
        method: verb!,
        headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
        ...(json ? { body: json } : {}),
      })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },
    [method, path, body === undefined ? '' : JSON.stringify(body), token ?? ''],
  )

/** Until the server answers. */
const untilServed = (page: Page) =>
  expect
    .poll(async () => (await request(page, 'GET', '/_matrix/client/versions').catch(() => ({ status: 0 }))).status, {
      timeout: 40_000,
    })
    .toBe(200)

/** An admin's access token, made by the shared secret as Synapse's tools do. */
async function register(page: Page): Promise<string> {
  const path = '/_synapse/admin/v1/register'
  const { nonce } = (await request(page, 'GET', path)).body as { nonce: string }
  const mac = createHmac('sha1', sharedSecret).update([nonce, 'ana', 'pass word', 'admin'].join('\0')).digest('hex')
  const made = await request(page, 'POST', path, { nonce, username: 'ana', password: 'pass word', admin: true, mac })
  expect(made.status).toBe(200)
  return made.body.access_token as string
}

/** Opens a live port in the page; frames go there and back as arrays of bytes. */
async function openLive(page: Page) {
  await page.evaluate(async () => {
    type Live = { port: MessagePort; frames: number[][]; lost: unknown[] }
    const live = await new Promise<Live>((done) => {
      const id = crypto.randomUUID()
      window.addEventListener('message', (event: MessageEvent<{ requestId?: string }>) => {
        const [port] = event.ports
        if (event.source !== window || event.data?.requestId !== id || !port) return
        const opened: Live = { port, frames: [], lost: [] }
        port.onmessage = ({ data }: MessageEvent<Uint8Array>) =>
          data instanceof Uint8Array ? opened.frames.push([...data]) : opened.lost.push(data)
        done(opened)
      })
      ;(window as unknown as { hearth: { connectLive(id: string): void } }).hearth.connectLive(id)
    })
    Object.assign(window, { live })
  })
  let lastId = 0
  const frames = async () =>
    (await page.evaluate(() => (window as unknown as { live: { frames: number[][] } }).live.frames)).map(
      (bytes) => codec.decode(Uint8Array.from(bytes)) as Record<string, unknown>,
    )
  return {
    frames,
    async call(method: string, params: unknown[] = []) {
      lastId += 1
      const id = String(lastId)
      await page.evaluate(
        (bytes) => (window as unknown as { live: { port: MessagePort } }).live.port.postMessage(Uint8Array.from(bytes)),
        [...codec.encode({ id, method, params })],
      )
      let reply: Record<string, unknown> | undefined
      await expect
        .poll(async () => {
          reply = (await frames()).find((frame) => frame.id === id)
          return reply
        })
        .toBeDefined()
      return reply!
    },
  }
}

/** A live port that has authenticated as the user of this access token. */
async function openAuthenticated(page: Page, token: string) {
  const { body } = await request(page, 'POST', '/_hearth/client/v1/live_token', {}, token)
  const live = await openLive(page)
  await live.call('use', [body.namespace, body.database])
  await live.call('authenticate', [body.token])
  return live
}

const ended = (child: ChildProcess) => new Promise<number | null>((done) => child.once('exit', done))

describe('boot', () => {
  test('to a window and a server that answers', async () => {
    await using started = await start()

    await untilServed(started.page)
    expect(started.app.windows()).toHaveLength(1)
  })

  test('with our page from app://, painted and under its policy', async () => {
    await using started = await start()
    const violations: string[] = []
    started.page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) violations.push(message.text())
    })

    expect(started.page.url()).toMatch(/^app:\/\/local\//)
    await expect.poll(() => started.page.locator('#root > *').count()).toBeGreaterThan(0)
    expect(violations).toEqual([])
  })

  test('with a page that has no Node', async () => {
    await using started = await start()

    const types = await started.page.evaluate('[typeof require, typeof process, typeof module, typeof hearth]')

    expect(types).toEqual(['undefined', 'undefined', 'undefined', 'object'])
  })
})

describe('the live port', () => {
  test('makes a round trip', async () => {
    await using started = await start()
    await untilServed(started.page)

    const live = await openLive(started.page)

    expect(await live.call('version')).toMatchObject({ result: expect.anything() })
  })

  test('delivers a live query', async () => {
    await using started = await start()
    await untilServed(started.page)
    const token = await register(started.page)
    const live = await openAuthenticated(started.page, token)
    const room = await request(started.page, 'POST', '/_matrix/client/v3/createRoom', {}, token)
    const roomId = room.body.room_id as string

    const registered = await live.call('query', [
      'LIVE SELECT * FROM room_events WHERE room_id = $room',
      { room: roomId },
    ])
    const [{ result }] = registered.result as [{ result: unknown }]
    expect(result).toBeInstanceOf(Uuid)
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`
    await request(started.page, 'PUT', path, { msgtype: 'm.text', body: 'hello' }, token)

    await expect
      .poll(async () =>
        (await live.frames()).some((frame) => frame.id === undefined && JSON.stringify(frame).includes('hello')),
      )
      .toBe(true)
  })

  test('and the protocol carry 5 MB both ways', async () => {
    await using started = await start()
    await untilServed(started.page)
    const token = await register(started.page)

    const sizes = await started.page.evaluate(async (bearer) => {
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/octet-stream' }
      const body = new Uint8Array(5 * 1024 * 1024).fill(7)
      const upload = await fetch('/_matrix/media/v3/upload', { method: 'POST', headers, body })
      const { content_uri } = (await upload.json()) as { content_uri: string }
      const path = content_uri.replace('mxc://', '/_matrix/client/v1/media/download/')
      const back = new Uint8Array(await (await fetch(path, { headers })).arrayBuffer())
      return [body.length, back.length, back.every((byte) => byte === 7)]
    }, token)

    expect(sizes).toEqual([5 * 1024 * 1024, 5 * 1024 * 1024, true])
  })
})

describe('the engine', () => {
  /** Enough work for a panic in a background thread to show. */
  const work = async (page: Page) => {
    await untilServed(page)
    const token = await register(page)
    const room = await request(page, 'POST', '/_matrix/client/v3/createRoom', {}, token)
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.body.room_id as string)}/send/m.room.message`
    for (let i = 0; i < 200; i++) {
      const sent = await request(page, 'PUT', `${path}/${i}`, { msgtype: 'm.text', body: `${i}` }, token)
      expect(sent.status).toBe(200)
    }
    return token
  }

  test('works in the main process', async () => {
    await using started = await start()

    await work(started.page)
  })

  test('works in a utility process', async () => {
    await using started = await start({ HEARTH_DESKTOP_SERVER_PROCESS: 'utility' })

    await work(started.page)
  })

  test('comes back when its utility process is killed, and keeps what it acknowledged', async () => {
    await using started = await start({ HEARTH_DESKTOP_SERVER_PROCESS: 'utility' })
    const token = await work(started.page)
    const pid = await started.app.evaluate(
      ({ app }) =>
        app.getAppMetrics().find(({ serviceName, name }) => serviceName === 'Hearth server' || name === 'Hearth server')
          ?.pid,
    )

    process.kill(pid!, 'SIGKILL')

    await untilServed(started.page)
    const whoami = await request(started.page, 'GET', '/_matrix/client/v3/account/whoami', undefined, token)
    expect(whoami.body.user_id).toBe('@ana:electron.test')
  })
})

describe('the page’s bounds', () => {
  test('navigation away is blocked', async () => {
    await using started = await start()

    await started.page.evaluate(() => {
      location.href = 'https://example.org/'
    })
    await new Promise((done) => setTimeout(done, 500))

    expect(started.page.url()).toMatch(/^app:\/\/local\//)
  })

  test('window.open is denied', async () => {
    await using started = await start()

    expect(await started.page.evaluate('window.open("file:///etc/passwd") === null')).toBe(true)
    expect(started.app.windows()).toHaveLength(1)
  })
})

describe('the system', () => {
  test('a second instance hands its link over and ends', async () => {
    await using started = await start()
    const given = [...sandbox, repo, '--data-dir', started.dataDir, 'matrix:u/ana:example.org']

    const second = spawn(binary, given, { stdio: 'ignore' })

    expect(await ended(second)).toBe(0)
    await expect.poll(() => started.page.evaluate('location.hash')).toContain('/link/')
  })

  test('safeStorage gives back what it sealed', async () => {
    await using started = await start()

    const outcome = await started.app.evaluate(async ({ safeStorage }) => {
      if (!(await safeStorage.isAsyncEncryptionAvailable())) return 'unavailable'
      const sealed = await safeStorage.encryptStringAsync('key')
      return (await safeStorage.decryptStringAsync(sealed)).result
    })

    // Without a key store there is nothing to seal with, and the app keeps keys in files.
    expect(['key', 'unavailable']).toContain(outcome)
  })

  test('the package boots with its fuses set, and is no Node', () => {
    const output = mkdtempSync(join(tmpdir(), 'hearth-package-'))
    const builder = join(repo, 'node_modules', '.bin', 'electron-builder')
    const options = [
      'dir',
      '--publish',
      'never',
      `-c.electronDist=${dirname(binary)}`,
      `-c.directories.output=${output}`,
    ]
    execFileSync(builder, [{ win32: '--win', darwin: '--mac' }[process.platform as string] ?? '--linux', ...options], {
      cwd: repo,
      stdio: 'ignore',
    })
    const folder = join(output, readdirSync(output).find((name) => /unpacked$|^mac/.test(name))!)
    const names: Record<string, string> = { win32: 'Hearth.exe', darwin: 'Hearth.app/Contents/MacOS/Hearth' }
    const program = join(folder, names[process.platform] ?? 'hearth')

    const smoke = spawnSync(
      program,
      [...sandbox, '--smoke', '--data-dir', join(output, 'data'), '--client-port', '0'],
      {
        encoding: 'utf8',
      },
    )
    const asNode = spawnSync(program, ['-e', 'console.log("it is Node")'], {
      encoding: 'utf8',
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      timeout: 10_000,
    })

    expect(JSON.parse(smoke.stdout.trim().split('\n').at(-1)!)).toMatchObject({ ok: true })
    expect(smoke.status).toBe(0)
    expect(asNode.stdout).not.toContain('it is Node')
    rmSync(output, { recursive: true, force: true })
  })
})
