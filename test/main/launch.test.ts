/** `npm start`: desktop or headless, and why; and when it builds first. */
import { EventEmitter } from 'node:events'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isStale } from '../../main/build-if-stale.mjs'
import { decide, findElectron, runElectron, superviseHeadless } from '../../main/launch.mjs'
import { browserCommand } from '../../main/open-browser.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const screen = { isHeadless: false, electron: '/e', platform: 'linux', env: { DISPLAY: ':0' }, isRoot: false } as const

describe('the desktop app or the same on loopback', () => {
  test('a window where there is a binary, a display and no root', () => {
    expect(decide(screen)).toEqual({ run: 'desktop', electron: '/e' })
    expect(decide({ ...screen, env: { WAYLAND_DISPLAY: 'wayland-0' } })).toMatchObject({ run: 'desktop' })
    expect(decide({ ...screen, platform: 'darwin', env: {}, isRoot: true })).toMatchObject({ run: 'desktop' })
  })

  test.each([
    [{ electron: undefined }, "Electron's binary has not been downloaded (npx install-electron --no)"],
    [{ env: {} }, 'there is no display'],
    [{ isRoot: true }, 'Electron does not run as root'],
  ])('%j: headless, with one line why', (change, why) => {
    expect(decide({ ...screen, ...change })).toEqual({
      run: 'headless',
      why: `Desktop window not available: ${why}. Serving the same app on loopback instead.`,
    })
  })

  test('--headless needs no reason', () => {
    expect(decide({ ...screen, isHeadless: true })).toEqual({ run: 'headless' })
  })
})

describe('finding the binary, as files', () => {
  const packageIn = (folder: string) => () => join(folder, 'package.json')

  test('path.txt and the file it names', () => {
    using directory = temporaryDirectory()
    const resolvePackage = packageIn(directory.path)
    expect(findElectron({}, resolvePackage)).toBeUndefined()
    writeFileSync(join(directory.path, 'path.txt'), 'electron')
    expect(findElectron({}, resolvePackage)).toBeUndefined()
    mkdirSync(join(directory.path, 'dist'))
    writeFileSync(join(directory.path, 'dist', 'electron'), '')

    expect(findElectron({}, resolvePackage)).toBe(join(directory.path, 'dist', 'electron'))
    expect(findElectron({ ELECTRON_OVERRIDE_DIST_PATH: '/dev/null' }, resolvePackage)).toBeUndefined()
  })

  test('no package at all', () => {
    const missing = () => {
      throw new Error('MODULE_NOT_FOUND')
    }
    expect(findElectron({}, missing)).toBeUndefined()
  })
})

describe('running it', () => {
  const start = (env: NodeJS.ProcessEnv = {}) => {
    const child = Object.assign(new EventEmitter(), { kill: vi.fn() })
    const spawn = vi.fn(() => child)
    return { child, spawn, ended: runElectron('/e', ['--hidden'], env, spawn as never) }
  }

  test('never as plain Node, with our arguments', async () => {
    const { child, spawn, ended } = start({ ELECTRON_RUN_AS_NODE: '1', HOME: '/h' })
    child.emit('exit', 0, null)

    expect(await ended).toEqual({ code: 0 })
    expect(spawn).toHaveBeenCalledWith('/e', [expect.any(String), '--hidden'], {
      stdio: 'inherit',
      env: { HOME: '/h', MALLOC_ARENA_MAX: '2' },
    })
  })

  test('its exit code is ours', async () => {
    const { child, ended } = start()
    child.emit('exit', 2, null)

    expect(await ended).toEqual({ code: 2 })
  })

  test('missing shared libraries, or a binary that cannot be started, say why instead', async () => {
    const first = start()
    first.child.emit('exit', 127, null)
    expect(await first.ended).toEqual({ why: 'shared libraries it needs are missing' })

    const second = start()
    second.child.emit('error', new Error('EACCES'))
    expect(await second.ended).toEqual({ why: 'its binary could not be started (EACCES)' })
  })
})

describe('watching over the headless server', () => {
  const start = () => {
    const children: (EventEmitter & { kill: ReturnType<typeof vi.fn>; args: string[] })[] = []
    const spawn = (_node: string, args: string[]) => {
      const child = Object.assign(new EventEmitter(), { kill: vi.fn(), args })
      children.push(child)
      return child
    }
    const waits: number[] = []
    const wait = async (ms: number) => void waits.push(ms)
    return { children, waits, ended: superviseHeadless(['--headless'], {}, { spawnProcess: spawn as never, wait }) }
  }
  afterEach(() => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  })

  test('it is started again, without a browser and with growing pauses, as long as it asks for that', async () => {
    const { children, waits, ended } = start()
    for (let run = 0; run < 7; run++) {
      await vi.waitFor(() => expect(children).toHaveLength(run + 1))
      children[run]!.emit('exit', 75, null)
    }
    await vi.waitFor(() => expect(children).toHaveLength(8))
    children[7]!.emit('exit', 2, null)

    expect(await ended).toBe(2)
    expect(children.map(({ args }) => args.includes('--no-open'))).toEqual([false, ...Array(7).fill(true)])
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  test('with few arenas and small semi-spaces, unless the environment says otherwise', () => {
    const spawn = vi.fn((_node: string, _args: string[], _options: { env: NodeJS.ProcessEnv }) => new EventEmitter())
    for (const env of [{ HOME: '/h' }, { MALLOC_ARENA_MAX: '8' }])
      void superviseHeadless([], env, { spawnProcess: spawn as never })

    expect(spawn.mock.calls.map(([, args]) => args[0])).toEqual(Array(2).fill('--max-semi-space-size=8'))
    expect(spawn.mock.calls.map(([, , { env }]) => env)).toEqual([
      { HOME: '/h', MALLOC_ARENA_MAX: '2' },
      { MALLOC_ARENA_MAX: '8' },
    ])
  })

  test.each([
    [0, null, 0],
    [65, null, 65],
    [null, 'SIGKILL', 1],
  ])('code %s, signal %s: the end, with %i', async (code, signal, expected) => {
    const { children, ended } = start()
    children[0]!.emit('exit', code, signal)

    expect(await ended).toBe(expected)
  })

  test('a signal is passed on, and then it is not started again', async () => {
    const { children, ended } = start()
    process.emit('SIGTERM')
    expect(children[0]!.kill).toHaveBeenCalledWith('SIGTERM')
    children[0]!.emit('exit', 75, null)

    expect(await ended).toBe(75)
    expect(children).toHaveLength(1)
  })
})

test('the browser opens by the system’s own way, and not without a screen', () => {
  const url = 'http://127.0.0.1:8008/'
  expect(browserCommand(url, 'darwin', {})).toEqual(['open', url])
  expect(browserCommand(url, 'win32', {})?.[0]).toBe('rundll32')
  expect(browserCommand(url, 'linux', { DISPLAY: ':0' })).toEqual(['xdg-open', url])
  expect(browserCommand(url, 'linux', {})).toBeUndefined()
})

test('a build is stale when a source is newer, or there is no build', () => {
  using directory = temporaryDirectory()
  const source = join(directory.path, 'source')
  const stamp = join(directory.path, 'stamp')
  mkdirSync(join(source, 'deep'), { recursive: true })
  writeFileSync(join(source, 'deep', 'a.ts'), '')
  const touch = (path: string, at: number) => utimesSync(path, at, at)
  for (const path of [join(source, 'deep', 'a.ts'), join(source, 'deep'), source]) touch(path, 1_000)

  expect(isStale([source], stamp)).toBe(true)
  writeFileSync(stamp, '')
  touch(stamp, 2_000)
  expect(isStale([source, join(directory.path, 'never')], stamp)).toBe(false)
  touch(join(source, 'deep', 'a.ts'), 3_000)
  expect(isStale([source], stamp)).toBe(true)
})
