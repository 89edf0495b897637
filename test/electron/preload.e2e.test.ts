/**
 * The built preload and the bridge in a real Chromium: real DOM MessagePorts, real WebSocket, real
 * policy headers. Electron's module is a stand-in; what it cannot show is the context bridge's own
 * cloning, the sandbox and app:// (test/electron/electron.test.mjs does, where there is a binary).
 */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'
import { build, type Rolldown } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { calls } from '../../main/ipc/contract.js'
import { pageHeaders } from '../../server/kernel/page-security.js'
import { chromiumArguments, chromiumPath } from '../support/chromium.mjs'

const repo = resolve(import.meta.dirname, '../..')
const preload = () => readFileSync(join(repo, 'out/preload/preload.cjs'), 'utf8')

/** A classic script that gives the preload its `require`, with only electron in it, as the sandbox does. */
const runPreload = () => `
  const sentByPage = [];
  const listeners = {};
  const electron = {
    contextBridge: {
      exposeInMainWorld(name, api) {
        const copy = {};
        for (const [key, value] of Object.entries(api)) {
          if (typeof value !== 'function') throw new Error(key + ' is no function');
          copy[key] = (...given) => value(...given);
        }
        Object.defineProperty(window, name, { value: Object.freeze(copy) });
      },
    },
    ipcRenderer: {
      send: (channel, ...given) => { sentByPage.push([channel, ...given]); window.onSend?.(channel, ...given); },
      invoke: async (channel, ...given) => { sentByPage.push([channel, ...given]); return window.onInvoke(channel, ...given); },
      on: (channel, listener) => { (listeners[channel] ??= []).push(listener); },
      removeListener: (channel, listener) => { listeners[channel] = listeners[channel].filter((each) => each !== listener); },
    },
  };
  const emitFromMain = (channel, ports, ...given) => {
    for (const listener of listeners[channel] ?? []) listener({ ports, sender: 'must not reach the page' }, ...given);
  };
  ((require, module, exports) => {
${preload()}
  })((id) => { if (id !== 'electron') throw new Error('a sandboxed preload cannot require ' + id); return electron; }, { exports: {} }, {});
`

let server: Server
let browser: Browser
let origin: string

beforeAll(async () => {
  const bundled = (await build({
    configFile: false,
    logLevel: 'silent',
    root: repo,
    build: { write: false, minify: false, lib: { entry: join(repo, 'renderer/platform/bridge.ts'), formats: ['es'] } },
  })) as Rolldown.RolldownOutput[]
  const bridge = bundled[0]!.output[0].code
  const files: Record<string, [type: string, text: string]> = {
    '/desktop': [
      'text/html',
      '<!doctype html><script src="/preload.js"></script><script type="module" src="/page.js"></script>',
    ],
    '/browser': ['text/html', '<!doctype html><script type="module" src="/page.js"></script>'],
    '/hostile': [
      'text/html',
      '<!doctype html><body><script>window.inlineRan = true</script><img src="https://example.org/x.png">' +
        '<div style="color: red">x</div><iframe src="https://example.org/"></iframe><script type="module" src="/violations.js"></script>',
    ],
    '/violations.js': ['text/javascript', 'try { window.evalRan = eval("true") } catch { window.evalRan = false }'],
    '/preload.js': ['text/javascript', runPreload()],
    '/bridge.js': ['text/javascript', bridge],
    '/page.js': [
      'text/javascript',
      'import { platform, channelOverPort } from "/bridge.js"; Object.assign(window, { platform, channelOverPort })',
    ],
  }
  server = createServer((request, response) => {
    const file = files[request.url ?? '']
    response.writeHead(file ? 200 : 404, { ...pageHeaders, 'content-type': file?.[0] ?? 'text/plain' }).end(file?.[1])
  })
  const live = new WebSocketServer({
    server,
    path: '/_hearth/live/rpc',
    handleProtocols: (offered) => offered.has('cbor') && 'cbor',
  })
  live.on('connection', (socket) =>
    socket.on('message', (bytes: Buffer) => {
      if (bytes[0] === 0xff) socket.close(4429, 'limits')
      else socket.send(bytes)
    }),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments })
})
afterAll(async () => {
  await browser?.close()
  server?.closeAllConnections()
  server?.close()
})

async function open(path: string): Promise<Page & AsyncDisposable> {
  const page = await browser.newPage()
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  await page.goto(origin + path)
  if (path !== '/hostile') await page.waitForFunction('window.platform !== undefined')
  return Object.assign(page, {
    async [Symbol.asyncDispose]() {
      await page.close()
      expect(errors).toEqual([])
    },
  })
}

/** In the page: main hands over a port whose other end echoes; the frame 0xff… makes it close as the server would. */
const echoMain = `
  window.onSend = (channel, requestId) => {
    if (channel !== 'live:connect') throw new Error(channel);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      if (data[0] !== 0xff) return port1.postMessage(data);
      port1.postMessage({ close: { code: 4403, reason: 'logged out' } });
      port1.close();
    };
    emitFromMain('live:port', [port2], requestId);
  };
  0`

/** In the page: sends one frame over a new channel and gives the answer's length and sum. */
const roundTrip = (bytes: number) => `(async () => {
  const channel = await platform.connectLive();
  const frame = new Uint8Array(${bytes}).fill(7);
  const answer = new Promise((resolve) => channel.onMessage(resolve));
  channel.post(frame);
  const got = await answer;
  channel.close();
  return [got instanceof Uint8Array, got.length, got[got.length - 1], frame.length];
})()`

describe('the preload', () => {
  test('is one file that requires electron and nothing else', () => {
    expect(preload().match(/\brequire\(([^)]*)\)/g)).toEqual(['require("electron")'])
    expect(preload()).not.toMatch(/^\s*(import|export)\b/m)
  })

  test('offers exactly the named functions, and none of them sends on a channel of the page’s choice', async () => {
    await using page = await open('/desktop')

    expect(await page.evaluate('Object.keys(window.hearth).sort()')).toEqual(
      [...Object.keys(calls), 'connectLive', 'onNavigate', 'onResumed', 'onServerLost'].sort(),
    )
    await page.evaluate('window.onInvoke = () => ({ ok: true, value: undefined }); platform.setBadge(3)')
    expect(await page.evaluate('sentByPage')).toEqual([['badge:set', 3]])
  })

  test('passes navigation on without the event, and stops when told', async () => {
    await using page = await open('/desktop')

    const got = await page.evaluate(`(() => {
      const got = [];
      const stop = platform.onNavigate((...given) => got.push(given));
      emitFromMain('page:navigate', [], '/room/a');
      stop();
      emitFromMain('page:navigate', [], '/room/b');
      return got;
    })()`)

    expect(got).toEqual([['/room/a']])
  })

  test('a refusal of main becomes an error with its sentence', async () => {
    await using page = await open('/desktop')

    const message = await page.evaluate(
      `window.onInvoke = () => ({ ok: false, error: 'no' }); platform.openLogsFolder().catch((error) => error.message)`,
    )

    expect(message).toBe('no')
  })
})

describe('a live channel in the desktop app', () => {
  test('carries frames over the port, also a large one', async () => {
    await using page = await open('/desktop')
    await page.evaluate(echoMain)

    expect(await page.evaluate(roundTrip(10))).toEqual([true, 10, 7, 10])
    const large = 5 * 1024 * 1024
    // The frame is copied: the page's own bytes are still there afterwards.
    expect(await page.evaluate(roundTrip(large))).toEqual([true, large, 7, large])
  })

  test('tells why the server closed it', async () => {
    await using page = await open('/desktop')
    await page.evaluate(echoMain)

    const closed = await page.evaluate(`(async () => {
      const channel = await platform.connectLive();
      const closed = new Promise((resolve) => channel.onClose((...why) => resolve(why)));
      channel.post(Uint8Array.of(0xff));
      return closed;
    })()`)

    expect(closed).toEqual([4403, 'logged out'])
  })

  test('is lost with 1006 when the server’s process dies, and all others with it', async () => {
    await using page = await open('/desktop')
    await page.evaluate(echoMain)

    const closed = await page.evaluate(`(async () => {
      const channels = [await platform.connectLive(), await platform.connectLive()];
      const closed = channels.map((channel) => new Promise((resolve) => channel.onClose((...why) => resolve(why))));
      emitFromMain('page:server-lost', []);
      return Promise.all(closed);
    })()`)

    expect(closed).toEqual([
      [1006, 'the server went away'],
      [1006, 'the server went away'],
    ])
  })

  test('is not taken from a message with another id, and fails in time without an answer', async () => {
    await using page = await open('/desktop')

    const outcome = await page.evaluate(`(async () => {
      const waiting = platform.connectLive(300).then(() => 'connected', (error) => error.message);
      const { port2 } = new MessageChannel();
      window.postMessage({ type: 'hearth:live-port', requestId: 'guessed' }, location.origin, [port2]);
      return waiting;
    })()`)

    expect(outcome).toBe('the server gave no live channel in time')
  })

  test('keeps frames that come before anybody listens', async () => {
    await using page = await open('/desktop')

    const got = await page.evaluate(`(async () => {
      const { port1, port2 } = new MessageChannel();
      const channel = channelOverPort(port2, () => () => {});
      for (const n of [1, 2, 3]) port1.postMessage(Uint8Array.of(n));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const got = [];
      channel.onMessage((bytes) => got.push(bytes[0]));
      return got;
    })()`)

    expect(got).toEqual([1, 2, 3])
  })
})

describe('a live channel in a browser', () => {
  test('carries frames over a WebSocket to the page’s own origin', async () => {
    await using page = await open('/browser')

    expect(await page.evaluate('platform.kind')).toBe('browser')
    expect(await page.evaluate(roundTrip(1000))).toEqual([true, 1000, 7, 1000])
  })

  test('tells the close code', async () => {
    await using page = await open('/browser')

    const closed = await page.evaluate(`(async () => {
      const channel = await platform.connectLive();
      const closed = new Promise((resolve) => channel.onClose((...why) => resolve(why)));
      channel.post(Uint8Array.of(0xff));
      return closed;
    })()`)

    expect(closed).toEqual([4429, 'limits'])
  })
})

describe('the page’s policy', () => {
  test('refuses inline scripts and styles, eval, foreign images and frames', async () => {
    await using page = await open('/hostile')
    await page.waitForFunction('window.evalRan !== undefined')

    expect(await page.evaluate('[window.inlineRan, window.evalRan]')).toEqual([undefined, false])
    expect(await page.evaluate('document.images[0].naturalWidth')).toBe(0)
    expect(await page.evaluate('getComputedStyle(document.querySelector("div")).color')).toBe('rgb(0, 0, 0)')
    expect(page.frames().map((frame) => frame.url())).not.toContain('https://example.org/')
  })

  test('allows WebAssembly, which the encryption library needs', async () => {
    await using page = await open('/browser')

    // The smallest module there is: magic and version.
    expect(
      await page.evaluate('WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)).then(() => true)'),
    ).toBe(true)
  })
})
