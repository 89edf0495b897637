/** The desktop shell's wiring: main/index.ts on a strict fake of Electron, with a fake homeserver. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AppInfo, calls, type DesktopSettings, messages } from '../../main/ipc/contract.js'
import type { DataFault } from '../../server/kernel/start-faults.js'
import { startDesktop } from '../support/desktop.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const note = { title: 'Ana', body: 'hello', path: '/room/!a', tag: 'room-a' }

afterEach(() => vi.restoreAllMocks())

describe('before ready', () => {
  test('the scheme, the sandbox and the profile inside the data directory are settled', async () => {
    await using desktop = await startDesktop()
    const { app, protocol } = desktop.electron

    expect(protocol.privileged).toEqual([
      expect.objectContaining({
        scheme: 'app',
        privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
      }),
    ])
    expect(app.isSandboxed).toBe(true)
    expect(app.getPath('userData')).toBe(join(desktop.dataDir, 'desktop'))
    expect(app.getPath('logs')).toBe(join(desktop.dataDir, 'logs'))
    await desktop.becomeReady()
  })

  test('a second instance ends at once and starts no server', async () => {
    await using desktop = await startDesktop({
      before: ({ app }) => {
        app.isFirstInstance = false
      },
    })

    expect(desktop.electron.app.exitCode).toBe(0)
    expect(desktop.started).toEqual([])
  })

  test('a bad configuration is one sentence in a box and exit code 2', async () => {
    const complain = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    await using desktop = await startDesktop({ env: { HEARTH_LOG_LEVEL: 'loud' } })

    const sentence = 'HEARTH_LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent.'
    expect(desktop.electron.dialog.errors).toEqual([sentence])
    expect(complain).toHaveBeenCalledWith(`${sentence}\n`)
    expect(desktop.electron.app.exitCode).toBe(2)
  })
})

describe('the window', () => {
  test('is isolated and sandboxed, loads our page and shows itself when it is painted', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    const window = desktop.window()
    expect(window.options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webviewTag: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      preload: expect.stringMatching(/preload[\\/]preload\.cjs$/),
    })
    expect(window.webContents.mainFrame.url).toBe('app://local/')
    expect(window.isShown).toBe(false)
    window.emit('ready-to-show')
    expect(window.isShown).toBe(true)
  })

  test('opens where it was, but not on a screen that is gone', async () => {
    using directory = temporaryDirectory()
    const state = { bounds: { x: 100, y: 90, width: 800, height: 600 }, isMaximized: true }
    mkdirSync(join(directory.path, 'desktop'))
    writeFileSync(join(directory.path, 'desktop', 'window.json'), JSON.stringify(state))
    {
      await using desktop = await startDesktop({ dataDir: directory.path })
      await desktop.becomeReady()
      expect(desktop.window().options).toMatchObject(state.bounds)
      expect(desktop.window().isMaximized()).toBe(true)
    }

    await using other = await startDesktop({
      dataDir: directory.path,
      before: ({ screen }) => {
        screen.workAreas = [{ x: 5000, y: 0, width: 800, height: 600 }]
      },
    })
    await other.becomeReady()
    expect(other.window().options).toMatchObject({ width: 1280, height: 840 })
    expect(other.window().options.x).toBeUndefined()
  })

  test('remembers where it was when it closes', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    desktop.electron.dialog.answers.push(1)

    desktop.window().close()

    expect(JSON.parse(readFileSync(join(desktop.dataDir, 'desktop', 'window.json'), 'utf8'))).toEqual({
      bounds: { x: 40, y: 50, width: 1000, height: 700 },
      isMaximized: false,
    })
  })

  test('has developer tools in development, and in an installed app only by configuration', async () => {
    const devToolsWith = async (isPackaged: boolean, env: Record<string, string>) => {
      await using desktop = await startDesktop({
        env,
        before: ({ app }) => {
          app.isPackaged = isPackaged
        },
      })
      await desktop.becomeReady()
      return desktop.window().options.webPreferences?.devTools
    }

    expect(await devToolsWith(false, {})).toBe(true)
    expect(await devToolsWith(true, {})).toBe(false)
    expect(await devToolsWith(true, { HEARTH_DESKTOP_DEVELOPER_TOOLS: 'true' })).toBe(true)
  })

  test('stays hidden when started at login', async () => {
    await using desktop = await startDesktop({ args: ['--hidden'] })
    await desktop.becomeReady()

    desktop.window().emit('ready-to-show')

    expect(desktop.window().isShown).toBe(false)
  })
})

describe('closing the window', () => {
  test('asks once whether the server goes on, and then hides', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    desktop.electron.dialog.answers.push(0)

    expect(desktop.window().close()).toBe(false)
    expect(desktop.window().close()).toBe(false)

    expect(desktop.electron.dialog.asked).toHaveLength(1)
    expect(desktop.electron.app.exitCode).toBeUndefined()
    expect(desktop.started[0]?.isClosed).toBe(false)
  })

  test('quits the app when the server is not to go on', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    desktop.electron.dialog.answers.push(1)

    expect(desktop.window().close()).toBe(true)

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(desktop.started[0]?.isClosed).toBe(true)
  })

  test('the tray brings it back', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    desktop.electron.dialog.answers.push(0)
    desktop.window().close()

    desktop.electron.Tray.all[0]?.menu?.click('Open Hearth')

    expect(desktop.window().isShown).toBe(true)
  })
})

describe('a server that needs a fresh process', () => {
  test('people are told why soon after the start, the server is closed, and the app starts anew', async () => {
    const desktop = await startDesktop()
    await using _ = desktop
    await desktop.becomeReady()

    await desktop.until(() => expect(desktop.started).toHaveLength(1))
    await new Promise((done) => setTimeout(done, 20))
    desktop.started[0]!.fail('The disk was full.')

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(desktop.electron.app.isRelaunching).toBe(true)
    expect(desktop.electron.dialog.errors).toEqual(['The disk was full.'])
    expect(desktop.started[0]!.isClosed).toBe(true)
  })
})

describe('data that is not as it was left', () => {
  // The class that main knows in this start.
  const failingWith = (fault: DataFault, sentence: string) => async () => {
    const { DataFaultError } = await import('../../server/kernel/start-faults.js')
    return new DataFaultError(fault, sentence)
  }
  const failWith = failingWith('lost-tail', 'The database ends at position 7.')

  test('a button goes on as it is: the app starts anew and says so for that one start', async () => {
    const desktop = await startDesktop({
      args: ['--hidden', '--accept', 'key-missing'],
      homeserver: { failWith },
      before: ({ dialog }) => dialog.answers.push(1),
    })
    await using _ = desktop
    desktop.electron.app.becomeReady()

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(desktop.electron.app.isRelaunching).toBe(true)
    expect(desktop.electron.app.relaunchArgs).toEqual(expect.arrayContaining(['--hidden', '--accept', 'lost-tail']))
    expect(desktop.electron.app.relaunchArgs).not.toContain('key-missing')
  })

  test('otherwise it quits, and nothing is accepted', async () => {
    const desktop = await startDesktop({
      homeserver: { failWith },
      before: ({ dialog }) => dialog.answers.push(0),
    })
    await using _ = desktop
    desktop.electron.app.becomeReady()

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(desktop.electron.app.isRelaunching).toBe(false)
  })

  test('what cannot be accepted is only said', async () => {
    const desktop = await startDesktop({
      homeserver: { failWith: failingWith('broken-key', 'The key is broken.') },
    })
    await using _ = desktop
    await desktop.becomeReady()

    await desktop.until(() => expect(desktop.electron.dialog.errors).toEqual(['The key is broken.']))
  })
})

describe('quitting', () => {
  test('closes the server, gives the data directory up, then exits', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const lock = join(desktop.dataDir, 'hearth.lock')
    expect(existsSync(lock)).toBe(true)

    desktop.electron.app.quit()
    expect(desktop.electron.app.exitCode).toBeUndefined()

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(desktop.started[0]?.isClosed).toBe(true)
    expect(existsSync(lock)).toBe(false)
  })

  test('waits at most five seconds for a server that hangs', async () => {
    await using desktop = await startDesktop({ homeserver: { hangsOnClose: true } })
    await desktop.becomeReady()
    const startedAt = Date.now()

    desktop.electron.app.quit()
    desktop.electron.app.quit() // asking twice changes nothing

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(Date.now() - startedAt).toBeGreaterThan(4_500)
    expect(Date.now() - startedAt).toBeLessThan(6_000)
  })

  test('a shutdown of the machine is delayed and takes the same way', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const event = { preventDefault: vi.fn() }

    desktop.electron.powerMonitor.emit('shutdown', event)

    await desktop.until(() => expect(desktop.electron.app.exitCode).toBe(0))
    expect(event.preventDefault).toHaveBeenCalled()
    expect(desktop.started[0]?.isClosed).toBe(true)
  })
})

describe('what a page may not do', () => {
  test('leave app://local by navigation or redirect, in any frame', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { webContents } = desktop.window()

    for (const event of ['will-navigate', 'will-redirect', 'will-frame-navigate'] as const) {
      expect(webContents.navigate(event, 'app://local/room/x')).toBe(false)
      for (const url of ['https://example.org/', 'file:///etc/passwd', 'app://local.evil/', 'app://local@evil/'])
        expect(webContents.navigate(event, url), `${event} ${url}`).toBe(true)
    }
  })

  test('open windows: https goes to the browser, file: to nobody, matrix: to the page', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { webContents } = desktop.window()
    webContents.finishLoading()

    for (const url of ['https://example.org/a b', 'file:///etc/passwd', 'javascript:alert(1)', 'matrix:u/ana:ex.org'])
      expect(webContents.openHandler?.({ url })).toEqual({ action: 'deny' })

    expect(desktop.electron.shell.opened).toEqual(['https://example.org/a%20b'])
    expect(webContents.sent).toEqual([{ channel: messages.navigate, given: ['/link/%40ana%3Aex.org'], ports: [] }])
  })

  test('attach a webview', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const event = { preventDefault: vi.fn() }

    desktop.window().webContents.emit('will-attach-webview', event, {}, {})

    expect(event.preventDefault).toHaveBeenCalled()
  })

  test('get devices, or permissions beyond the four, or any in a frame or from elsewhere', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { defaultSession } = desktop.electron.session
    const ask = (permission: string, requestingUrl: string, isMainFrame = true) => {
      const decide = vi.fn()
      const handler = defaultSession.onRequest as (...given: unknown[]) => void
      handler(null, permission, decide, { requestingUrl, isMainFrame })
      return decide.mock.calls[0]?.[0]
    }
    const check = defaultSession.onCheck as (...given: unknown[]) => boolean

    for (const permission of ['notifications', 'media', 'fullscreen', 'clipboard-sanitized-write']) {
      expect(ask(permission, 'app://local/room')).toBe(true)
      expect(check(null, permission, 'app://local', { isMainFrame: true })).toBe(true)
      expect(ask(permission, 'app://local/room', false)).toBe(false)
      expect(ask(permission, 'https://example.org/')).toBe(false)
      expect(check(null, permission, 'https://example.org/', { isMainFrame: true })).toBe(false)
    }
    for (const permission of ['geolocation', 'clipboard-read', 'hid', 'usb', 'serial', 'openExternal'])
      expect(ask(permission, 'app://local/')).toBe(false)
    expect((defaultSession.onDevice as () => boolean)()).toBe(false)
  })

  test('call main from a frame, or from a page that is not ours', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { ipcMain } = desktop.electron
    const { webContents } = desktop.window()
    const refusal = { ok: false, error: 'not for this page' }

    expect(await ipcMain.invoke(webContents, calls.readAppInfo, [], { url: 'app://local/' })).toEqual(refusal)
    expect(await ipcMain.invoke(webContents, calls.readAppInfo, [], null)).toEqual(refusal)
    ipcMain.receive(webContents, messages.connectLive, ['id'], { url: 'app://local/' })
    webContents.mainFrame = { url: 'https://example.org/' }
    expect(await ipcMain.invoke(webContents, calls.readAppInfo, [])).toEqual(refusal)
    ipcMain.receive(webContents, messages.connectLive, ['id'])

    expect(webContents.sent).toEqual([])
    expect(desktop.started[0]?.channels).toEqual([])
  })
})

describe('app://local', () => {
  test('answers Matrix and Hearth paths from the server in this process', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    const answer = await desktop.electron.protocol.request('app://local/_matrix/client/versions')
    expect(await answer.json()).toEqual({ path: '/_matrix/client/versions', method: 'GET' })
    const live = await desktop.electron.protocol.request('app://local/_hearth/client/v1/live_token', { method: 'POST' })
    expect(await live.json()).toEqual({ path: '/_hearth/client/v1/live_token', method: 'POST' })
  })

  test('shows the setup secret for its own page, at that path alone', async () => {
    await using desktop = await startDesktop({ homeserver: { setupSecret: 'sesame' } })
    await desktop.becomeReady()
    const ask = async (path: string) => (await desktop.electron.protocol.request(`app://local${path}`)).json()

    expect((await ask('/_hearth/client/v1/onboarding')).setup).toBe('sesame')
    expect((await ask('/_matrix/client/versions')).setup).toBeUndefined()
  })

  test('serves the built page with its policy, and nothing outside its folder', async () => {
    using directory = temporaryDirectory()
    const page = join(directory.path, 'page')
    mkdirSync(page)
    writeFileSync(join(directory.path, 'outside.js'), 'not to be served')
    writeFileSync(join(page, 'index.html'), '<!doctype html>')
    writeFileSync(join(page, 'app.js'), '1')
    writeFileSync(join(page, 'secret'), 'no type is known for this')
    await using desktop = await startDesktop({ env: { HEARTH_RENDERER_DIR: page } })
    await desktop.becomeReady()
    const get = (path: string, init?: RequestInit) => desktop.electron.protocol.request(`app://local${path}`, init)

    const index = await get('/')
    expect(await index.text()).toBe('<!doctype html>')
    expect(index.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(index.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await get('/app.js')).headers.get('content-type')).toMatch(/^text\/javascript/)
    for (const path of [
      '/missing.js',
      '/secret',
      '/%2e%2e/outside.js',
      '/..%2foutside.js',
      '/..%5coutside.js',
      '/%00',
      '/.env',
    ])
      expect((await get(path)).status, path).toBe(404)
    expect((await get('/app.js', { method: 'POST' })).status).toBe(405)
    expect((await desktop.electron.protocol.request('app://other/')).status).toBe(404)
  })

  test('says 503 with the reason when the server could not start', async () => {
    const failWith = Object.assign(new Error('listen'), { code: 'EADDRINUSE', port: 8008 })
    await using desktop = await startDesktop({ homeserver: { failWith } })
    await desktop.becomeReady()

    const answer = await desktop.electron.protocol.request('app://local/_matrix/client/versions')

    const problem = 'Port 8008 is in use by another program; choose one with --client-port.'
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ errcode: 'M_UNKNOWN', error: problem })
    await desktop.until(() => expect(desktop.electron.dialog.errors).toEqual([problem]))
    expect(existsSync(join(desktop.dataDir, 'hearth.lock'))).toBe(false)
  })
})

describe('live ports', () => {
  const connect = async (desktop: Awaited<ReturnType<typeof startDesktop>>, requestId: unknown) => {
    const { webContents } = desktop.window()
    desktop.electron.ipcMain.receive(webContents, messages.connectLive, [requestId])
    await desktop.until(() => expect(webContents.sent.length).toBeGreaterThan(0))
    const sent = webContents.sent.shift()!
    const received: unknown[] = []
    const [port] = sent.ports
    port?.on('message', ({ data }) => received.push(data))
    return { sent, port: port!, received }
  }

  test('one request gets one port, and frames go both ways through the server', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    const { sent, port, received } = await connect(desktop, 'request-1')
    port.postMessage(Uint8Array.from([1, 2, 3])) // before anybody listens: it must wait
    port.start()

    expect(sent).toMatchObject({ channel: messages.livePort, given: ['request-1'] })
    await desktop.until(() => expect(received).toEqual([Uint8Array.from([1, 2, 3])]))
  })

  test('the server closes with a code, and learns when the page is gone', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const first = await connect(desktop, 'a')
    const second = await connect(desktop, 'b')
    first.port.start()
    const onClose = vi.fn()
    await desktop.until(() => expect(desktop.started[0]?.channels).toHaveLength(2))

    desktop.started[0]?.channels[0]?.close(4403, 'logged out')
    desktop.started[0]?.channels[1]?.onClose(onClose)
    second.port.close()

    await desktop.until(() => expect(first.received).toEqual([{ close: { code: 4403, reason: 'logged out' } }]))
    await desktop.until(() => expect(onClose).toHaveBeenCalledTimes(1))
  })

  test('anything but a binary frame closes the channel', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { port, received } = await connect(desktop, 'a')
    port.start()

    port.postMessage({ method: 'query' })

    await desktop.until(() => expect(received).toEqual([{ close: { code: 1003, reason: 'only binary frames' } }]))
  })

  test('are closed with 1012 while there is no server', async () => {
    await using desktop = await startDesktop({ homeserver: { failWith: new Error('broken') } })
    await desktop.becomeReady()
    const { port, received } = await connect(desktop, 'a')
    port.start()

    await desktop.until(() =>
      expect(received).toEqual([{ close: { code: 1012, reason: 'the server is not running' } }]),
    )
  })
})

describe('links and second launches', () => {
  test('a link in the arguments is delivered when the page has loaded', async () => {
    await using desktop = await startDesktop({ args: ['matrix:r/hearth:example.org'] })
    await desktop.becomeReady()
    const { webContents } = desktop.window()
    expect(webContents.sent).toEqual([])

    webContents.finishLoading()

    expect(webContents.sent).toEqual([
      { channel: messages.navigate, given: ['/link/%23hearth%3Aexample.org'], ports: [] },
    ])
  })

  test('a link that macOS sends before ready is not lost', async () => {
    await using desktop = await startDesktop()
    const event = { preventDefault: vi.fn() }
    desktop.electron.app.emit('open-url', event, 'matrix:u/ana:example.org')
    await desktop.becomeReady()

    desktop.window().webContents.finishLoading()

    expect(event.preventDefault).toHaveBeenCalled()
    expect(desktop.window().webContents.sent[0]?.given).toEqual(['/link/%40ana%3Aexample.org'])
  })

  test('a second launch brings the window up, at its link if it has one', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const window = desktop.window()
    window.webContents.finishLoading()
    window.minimize()

    desktop.electron.app.emit('second-instance', {}, ['hearth', '--whatever'], '/')
    expect(window.isShown).toBe(true)
    expect(window.isMinimized()).toBe(false)
    desktop.electron.app.emit('second-instance', {}, ['hearth', 'matrix:u/bo:example.org'], '/')

    expect(window.webContents.sent.map(({ given }) => given)).toEqual([['/link/%40bo%3Aexample.org']])
  })
})

describe('the page’s calls', () => {
  test('app info tells where data lives and how keys are kept', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    expect(await desktop.call<AppInfo>(calls.readAppInfo)).toEqual({
      ok: true,
      value: {
        version: '0.1.0',
        platform: process.platform,
        dataDir: desktop.dataDir,
        secretStore: 'system',
        isSigned: false,
        serverProblem: undefined,
      },
    })
  })

  test('a notification shows, replaces the one with its tag, and a click goes to its room', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { shown } = desktop.electron.Notification
    desktop.window().webContents.finishLoading()

    await desktop.call(calls.showNotification, note)
    await desktop.call(calls.showNotification, { ...note, body: 'x'.repeat(900) })
    expect(shown.map(({ isOpen }) => isOpen)).toEqual([false, true])
    expect(shown[1]?.options.body).toHaveLength(500)
    shown[1]?.emit('click')

    expect(desktop.window().isShown).toBe(true)
    expect(desktop.window().webContents.sent.map(({ given }) => given)).toEqual([['/room/!a']])
  })

  test.each([
    ['no path of the page', { ...note, path: 'https://example.org' }],
    ['a path that names a host', { ...note, path: '//example.org' }],
    ['no title', { ...note, title: 1 }],
    ['nothing', undefined],
  ])('a notification with %s is refused', async (_what, given) => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    expect(await desktop.call(calls.showNotification, given)).toMatchObject({ ok: false })
    expect(desktop.electron.Notification.shown).toEqual([])
  })

  test('the badge is a count', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    expect(await desktop.call(calls.setBadge, 3)).toEqual({ ok: true, value: undefined })
    expect(desktop.electron.app.badge).toBe(3)
    for (const bad of [-1, 1.5, '4', null]) expect(await desktop.call(calls.setBadge, bad)).toMatchObject({ ok: false })
    expect(desktop.electron.app.badge).toBe(3)
  })

  test('settings are kept; what is no setting is refused whole', async () => {
    using directory = temporaryDirectory()
    {
      await using desktop = await startDesktop({ dataDir: directory.path })
      await desktop.becomeReady()
      await desktop.call(calls.changeSettings, { theme: 'dark' })
      expect(desktop.electron.nativeTheme.themeSource).toBe('dark')
      expect(await desktop.call(calls.changeSettings, { theme: 'light', admin: true })).toMatchObject({ ok: false })
    }

    await using again = await startDesktop({ dataDir: directory.path })
    await again.becomeReady()
    expect(await again.call<DesktopSettings>(calls.readSettings)).toEqual({
      ok: true,
      value: { startAtLogin: false, keepRunning: true, theme: 'dark' },
    })
    expect(again.electron.nativeTheme.themeSource).toBe('dark')
  })

  test('start at login writes an autostart entry on Linux, in an installed app alone', async () => {
    using config = temporaryDirectory()
    const start = (isPackaged: boolean) =>
      startDesktop({
        env: { XDG_CONFIG_HOME: config.path, APPIMAGE: '/opt/My "Hearth".AppImage' },
        before: ({ app }) => {
          app.isPackaged = isPackaged
        },
      })
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
    const entry = join(config.path, 'autostart', 'hearth.desktop')
    {
      await using unpacked = await start(false)
      await unpacked.becomeReady()
      expect(await unpacked.call(calls.changeSettings, { startAtLogin: true })).toMatchObject({ ok: false })
    }

    await using desktop = await start(true)
    await desktop.becomeReady()
    await desktop.call(calls.changeSettings, { startAtLogin: true })
    expect(readFileSync(entry, 'utf8')).toContain('Exec="/opt/My \\\\"Hearth\\\\".AppImage" --hidden\n')
    await desktop.call(calls.changeSettings, { startAtLogin: false })
    expect(existsSync(entry)).toBe(false)
  })

  test('the logs folder opens, and holds the log', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    await desktop.call(calls.openLogsFolder)
    desktop.electron.powerMonitor.emit('suspend')

    expect(desktop.electron.shell.opened).toEqual([join(desktop.dataDir, 'logs')])
    expect(readFileSync(join(desktop.dataDir, 'logs', 'hearth.log'), 'utf8')).toContain('goes to sleep')
  })
})

describe('other systems', () => {
  const on = (platform: NodeJS.Platform) => vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)

  test('Windows: unread is a dot on the icon and a flash, and a late click on a notification opens the window', async () => {
    on('win32')
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const window = desktop.window()

    await desktop.call(calls.setBadge, 2)
    expect(window.overlay).toMatchObject({ icon: expect.anything(), description: '2 unread messages' })
    expect(window.isFlashing).toBe(true)
    await desktop.call(calls.setBadge, 0)
    expect(window.overlay).toEqual({ icon: null, description: '' })
    expect(window.isFlashing).toBe(false)
    desktop.electron.Notification.onActivation?.()
    expect(window.isShown).toBe(true)
  })

  test('macOS: closing hides without a question, the Dock brings it back, the tray icon is a template', async () => {
    on('darwin')
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    expect(desktop.window().close()).toBe(false)
    expect(desktop.electron.dialog.asked).toEqual([])
    desktop.electron.app.emit('activate')
    expect(desktop.window().isShown).toBe(true)
    expect(desktop.electron.Tray.all[0]?.image.isTemplate).toBe(true)
    expect(JSON.stringify(desktop.electron.Menu.application?.template)).toContain('"appMenu"')
  })

  test.each(['win32', 'darwin'] as const)('%s: start at login is the system’s setting, hidden', async (platform) => {
    on(platform)
    await using desktop = await startDesktop({
      before: ({ app }) => {
        app.isPackaged = true
      },
    })
    await desktop.becomeReady()

    await desktop.call(calls.changeSettings, { startAtLogin: true })

    expect(desktop.electron.app.loginItem).toEqual({ openAtLogin: true, args: ['--hidden'] })
    expect(desktop.electron.app.schemes).toEqual(['matrix'])
  })
})

describe('secrets', () => {
  test('are sealed by the system’s key store', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { secrets } = desktop.started[0]!

    const sealed = await secrets.seal(Buffer.from('key'))

    expect(secrets.kind).toBe('system')
    expect(Buffer.from(sealed).toString()).not.toContain(Buffer.from('key').toString('base64'))
    expect(Buffer.from(await secrets.open(sealed)).toString()).toBe('key')
  })

  test('a key store that everybody can read is refused on Linux, for files or a passphrase', async () => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
    const kindWith = async (env: Record<string, string>) => {
      await using desktop = await startDesktop({
        env,
        before: ({ safeStorage }) => {
          safeStorage.backend = 'basic_text'
        },
      })
      await desktop.becomeReady()
      return desktop.started[0]!.secrets.kind
    }

    expect(await kindWith({})).toBe('file')
    expect(await kindWith({ HEARTH_PASSPHRASE: 'correct horse' })).toBe('passphrase')
  })

  test('without any key store they are files', async () => {
    await using desktop = await startDesktop({
      before: ({ safeStorage }) => {
        safeStorage.isAvailable = false
      },
    })
    await desktop.becomeReady()

    expect(desktop.started[0]!.secrets.kind).toBe('file')
  })
})

describe('crashes and sleep', () => {
  test('a crashed page is loaded again, three times a minute at most', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { webContents } = desktop.window()
    const crash = () =>
      desktop.electron.app.emit('render-process-gone', {}, webContents, { reason: 'crashed', exitCode: 5 })

    for (let i = 0; i < 4; i++) crash()

    expect(webContents.reloads).toBe(3)
    expect(desktop.electron.dialog.errors).toHaveLength(1)
    expect(desktop.electron.crashReporter.started).toEqual({ uploadToServer: false })
  })

  test('the page is told when the machine wakes up', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    desktop.electron.powerMonitor.emit('resume')

    expect(desktop.window().webContents.sent).toEqual([{ channel: messages.resumed, given: [], ports: [] }])
  })
})

describe('menus', () => {
  test('zoom, editing and logs are in the menu; developer tools only where allowed', async () => {
    await using desktop = await startDesktop({
      before: ({ app }) => {
        app.isPackaged = true
      },
    })
    await desktop.becomeReady()
    const menu = JSON.stringify(desktop.electron.Menu.application?.template)

    for (const role of ['zoomIn', 'zoomOut', 'resetZoom', 'editMenu', 'reload']) expect(menu).toContain(`"${role}"`)
    expect(menu).not.toContain('toggleDevTools')
    expect(desktop.electron.app.about?.copyright).toBe('This build is not signed.')
  })

  test('the right mouse button offers spelling, editing and the link', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()
    const { Menu, clipboard } = desktop.electron

    desktop.window().webContents.emit(
      'context-menu',
      {},
      {
        editFlags: { canCut: true, canCopy: true, canPaste: true },
        dictionarySuggestions: ['hearth'],
        misspelledWord: 'harth',
        isEditable: true,
        selectionText: '',
        linkURL: 'https://example.org/',
      },
    )

    const labels = Menu.lastPopup?.template.map(({ label, role }) => label ?? role)
    expect(labels).toEqual(['hearth', 'Add to Dictionary', 'cut', 'copy', 'paste', 'Copy Link'])
    Menu.lastPopup?.click('Copy Link')
    expect(clipboard.text).toBe('https://example.org/')
  })

  test('spelling is not checked unless configured, since that downloads dictionaries', async () => {
    await using desktop = await startDesktop()
    await desktop.becomeReady()

    expect(desktop.electron.session.defaultSession.isSpellChecked).toBe(false)
  })
})

describe('--smoke', () => {
  const smoke = async (report: object) => {
    const print = vi.spyOn(process.stdout, 'write').mockImplementation((_text, after?: unknown) => {
      if (typeof after === 'function') after()
      return true
    })
    await using desktop = await startDesktop({ args: ['--smoke'] })
    await desktop.becomeReady()
    desktop.window().webContents.evaluate = () => report
    desktop.window().webContents.finishLoading()
    await desktop.until(() => expect(desktop.electron.app.exitCode).toBeDefined())
    const line = print.mock.calls.map(([text]) => String(text)).find((text) => text.startsWith('{"ok"'))
    return { code: desktop.electron.app.exitCode, report: JSON.parse(line ?? '{}') as Record<string, unknown> }
  }

  test('ends with 0 when a live frame came back and the page has no Node', async () => {
    const good = { bridge: 'object', require: 'undefined', process: 'undefined', frame: 12 }

    expect(await smoke(good)).toMatchObject({ code: 0, report: { ok: true, ...good } })
  })

  test('ends with 1 when the page can require, or no frame comes', async () => {
    const bad = { bridge: 'object', require: 'function', process: 'undefined', frame: 12 }

    expect((await smoke(bad)).code).toBe(1)
    expect((await smoke({ ...bad, require: 'undefined', frame: 0 })).code).toBe(1)
  })
})
