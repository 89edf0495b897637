/** `desktop.server_process: "utility"`: the parent's side, against the fake utility process. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { messages } from '../../main/ipc/contract.js'
import { startDesktop } from '../support/desktop.js'

const utility = { env: { HEARTH_DESKTOP_SERVER_PROCESS: 'utility' } }

async function startUtility() {
  const desktop = await startDesktop(utility)
  await desktop.becomeReady()
  const children = desktop.electron.UtilityProcess.all
  const child = () => children.at(-1)!
  /** Lets the child answer `close` by ending, as backend.ts does. */
  const obey = () => {
    const each = child()
    each.on('test:received', () => {
      if ((each.received.at(-1)!.message as { type: string }).type === 'close') each.end(0)
    })
  }
  obey()
  return { desktop, child, children, obey }
}

describe('the server in a process of its own', () => {
  test('is told to start with the configuration and keeps no data directory here', async () => {
    const { desktop, child } = await startUtility()
    await using _ = desktop

    expect(child().path).toMatch(/backend\.js$/)
    expect(child().received[0]?.message).toMatchObject({
      type: 'start',
      config: { data_dir: desktop.dataDir },
      secretKind: 'system',
    })
    expect(desktop.started).toEqual([])
    child().say({ type: 'started', clientUrl: undefined, setupSecret: undefined })
  })

  test('its secrets are sealed here, where the key store is', async () => {
    const { desktop, child } = await startUtility()
    await using _ = desktop

    child().say({ type: 'secret', id: 1, action: 'seal', bytes: Buffer.from('key') })
    await desktop.until(() => expect(child().received).toHaveLength(2))
    const { bytes } = child().received[1]!.message as { bytes: Uint8Array }
    child().say({ type: 'secret', id: 2, action: 'open', bytes })
    await desktop.until(() => expect(child().received).toHaveLength(3))

    expect(child().received[2]?.message).toMatchObject({
      type: 'secret',
      id: 2,
      bytes: new Uint8Array(Buffer.from('key')),
    })
  })

  test('gets the live ports, and answers the page’s requests at its listener', async () => {
    const listener = createServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      const setup = request.headers['x-hearth-setup']
      response.end(JSON.stringify({ url: request.url, origin: request.headers.origin ?? null, setup }))
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    const { desktop, child } = await startUtility()
    await using _ = desktop
    const { port } = listener.address() as AddressInfo
    child().say({ type: 'started', clientUrl: `http://127.0.0.1:${port}/`, setupSecret: 'sesame' })

    const answer = await desktop.electron.protocol.request('app://local/_matrix/client/v3/sync?since=1', {
      headers: { origin: 'app://local' },
    })
    expect(await answer.json()).toEqual({ url: '/_matrix/client/v3/sync?since=1', origin: null })
    const onboarding = await desktop.electron.protocol.request('app://local/_hearth/client/v1/onboarding')
    expect((await onboarding.json()).setup).toBe('sesame')
    desktop.electron.ipcMain.receive(desktop.window().webContents, messages.connectLive, ['a'])
    await desktop.until(() => expect(child().received.at(-1)?.message).toEqual({ type: 'connect' }))
    expect(child().received.at(-1)?.ports).toHaveLength(1)
    listener.closeAllConnections()
    listener.close()
  })

  test('that dies is started again, and meanwhile everything says so', async () => {
    const { desktop, child, children, obey } = await startUtility()
    await using _ = desktop
    child().say({ type: 'started', clientUrl: 'http://127.0.0.1:9/', setupSecret: undefined })

    child().end(134)

    const answer = await desktop.electron.protocol.request('app://local/_matrix/client/versions')
    expect(desktop.window().webContents.sent).toEqual([{ channel: messages.serverLost, given: [], ports: [] }])
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: 'The server is restarting.' })
    await desktop.until(() => expect(children).toHaveLength(2))
    obey()
    expect(child().received[0]?.message).toMatchObject({ type: 'start' })
  })

  test('is asked to close when the app quits, and not started again', async () => {
    const { desktop, child, children } = await startUtility()
    {
      await using _ = desktop
      child().say({ type: 'started', clientUrl: undefined, setupSecret: undefined })
    }

    expect(children[0]?.received.at(-1)?.message).toEqual({ type: 'close' })
    expect(children[0]?.isRunning).toBe(false)
    expect(children).toHaveLength(1)
  })
})
