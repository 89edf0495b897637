/**
 * `--smoke`: boots, opens the window hidden, does one live round trip, prints JSON, exits 0 or 1.
 * The first thing to run on a platform where the app has never run.
 */
import { app, type BrowserWindow } from 'electron'
import type { ServerHost } from './server-host.js'

const capMs = 30_000

/**
 * Runs in the page. Asks for a live port, sends `{ id: "1", method: "version" }` as CBOR and waits for
 * any frame; anything a page must not have is reported.
 */
const roundTrip = `new Promise((resolve) => {
  const report = { bridge: typeof window.hearth, require: typeof window.require, process: typeof window.process }
  if (!window.hearth) return resolve({ ...report, frame: 0 })
  const id = crypto.randomUUID()
  window.addEventListener('message', (event) => {
    if (event.source !== window || event.data?.requestId !== id) return
    const [port] = event.ports
    port.onmessage = ({ data }) => resolve({ ...report, frame: data instanceof Uint8Array ? data.length : 0 })
    port.postMessage(Uint8Array.from([0xa2, 0x62, 0x69, 0x64, 0x61, 0x31, 0x66, ...new TextEncoder().encode('method'),
      0x67, ...new TextEncoder().encode('version')]))
  })
  window.hearth.connectLive(id)
})`

type Report = { bridge: string; require: string; process: string; frame: number }

export async function runSmoke(window: BrowserWindow, server: ServerHost): Promise<void> {
  const startedAt = Date.now()
  const result = await Promise.race([
    measure(window, server),
    new Promise<{ problem: string }>((resolve) => {
      setTimeout(resolve, capMs, { problem: `nothing after ${capMs} ms` })
    }),
  ]).catch((error: Error) => ({ problem: error.message }))
  const isOk =
    'frame' in result &&
    result.frame > 0 &&
    result.bridge === 'object' &&
    result.require === 'undefined' &&
    result.process === 'undefined'
  const { electron, chrome, node } = process.versions
  const line = {
    ok: isOk,
    ms: Date.now() - startedAt,
    platform: process.platform,
    arch: process.arch,
    electron,
    chrome,
    node,
    ...result,
  }
  process.stdout.write(`${JSON.stringify(line)}\n`, () => app.exit(isOk ? 0 : 1))
}

async function measure(window: BrowserWindow, server: ServerHost): Promise<Report> {
  await server.started
  if (server.problem) throw new Error(server.problem)
  if (window.webContents.isLoading())
    await new Promise<void>((resolve) => {
      window.webContents.once('did-finish-load', () => resolve())
    })
  return window.webContents.executeJavaScript(roundTrip) as Promise<Report>
}
