/** The utility process's side: main/backend.ts with a made-up parent port and a fake homeserver. */
import { EventEmitter } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { FromBackend, ToBackend } from '../../main/backend.js'
import { readConfig } from '../../server/kernel/config.js'
import type * as FakeElectron from '../support/fake-electron.js'
import { makeFakeHomeserver } from '../support/fake-homeserver.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

const serverModule = resolve(import.meta.dirname, '../../server/index.ts')
afterEach(() => {
  vi.doUnmock(serverModule)
  vi.restoreAllMocks()
  Reflect.deleteProperty(process, 'parentPort')
})

async function startBackend(behaviour: Parameters<typeof makeFakeHomeserver>[0] = {}) {
  const directory = temporaryDirectory()
  const homeserver = makeFakeHomeserver(behaviour)
  const said: FromBackend[] = []
  const parent = Object.assign(new EventEmitter(), {
    postMessage: (message: FromBackend) => said.push(structuredClone(message)),
  })
  Object.defineProperty(process, 'parentPort', { value: parent, configurable: true })
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
  vi.resetModules()
  vi.doMock(serverModule, () => ({ startHomeserver: homeserver.startHomeserver }))
  const electron: typeof FakeElectron = await import('../support/fake-electron.js')
  await import('../../main/backend.js')
  const tell = (data: ToBackend, ports: FakeElectron.MessagePortMain[] = []) =>
    parent.emit('message', { data: structuredClone(data), ports })
  const config = readConfig({ dataDir: directory.path, argv: { 'listeners.client.port': '0', 'log.level': 'silent' } })
  return {
    electron,
    said,
    exit,
    tell,
    dataDir: directory.path,
    started: homeserver.started,
    start: () =>
      tell({ type: 'start', config, logsFolder: join(directory.path, 'logs'), accept: [], secretKind: 'system' }),
    hears: (type: FromBackend['type']) =>
      vi.waitFor(() => {
        const found = said.find((message) => message.type === type)
        if (!found) throw new Error(`it has not said ${type}`)
        return found
      }),
    async [Symbol.asyncDispose]() {
      tell({ type: 'close' })
      await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(0))
      directory[Symbol.dispose]()
    },
  }
}

test('starts, says where it listens, and gives everything up before it ends', async () => {
  const backend = await startBackend({ setupSecret: 'sesame' })
  {
    await using _ = backend
    backend.start()
    expect(await backend.hears('started')).toEqual({
      type: 'started',
      clientUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
      setupSecret: 'sesame',
    })
    expect(existsSync(join(backend.dataDir, 'hearth.lock'))).toBe(true)
    backend.tell({ type: 'close' })
    await backend.hears('closed')
    expect(existsSync(join(backend.dataDir, 'hearth.lock'))).toBe(false)
    expect(existsSync(join(backend.dataDir, 'logs', 'hearth.log'))).toBe(true)
  }
  expect(backend.started[0]?.isClosed).toBe(true)
})

test('says in one sentence why it could not start', async () => {
  await using backend = await startBackend({ failWith: new Error('no engine for this machine') })
  backend.start()

  expect(await backend.hears('failed')).toEqual({
    type: 'failed',
    problem: 'The server could not start: no engine for this machine',
  })
})

test('serves the ports it is handed, and closes those that come too early', async () => {
  await using backend = await startBackend()
  const connect = () => {
    const { port1, port2 } = new backend.electron.MessageChannelMain()
    const received: unknown[] = []
    port2.on('message', ({ data }) => received.push(data))
    port2.start()
    backend.tell({ type: 'connect' }, [port1])
    return { port: port2, received }
  }
  const early = connect()
  await vi.waitFor(() => expect(early.received).toEqual([{ close: { code: 1012, reason: 'the server is starting' } }]))
  backend.start()
  await backend.hears('started')

  const { port, received } = connect()
  port.postMessage(Uint8Array.of(1, 2))

  await vi.waitFor(() => expect(received).toEqual([Uint8Array.of(1, 2)]))
})

test('asks its parent to seal and open secrets', async () => {
  await using backend = await startBackend()
  backend.start()
  await backend.hears('started')
  const { secrets } = backend.started[0]!

  const sealed = secrets.seal(Buffer.from('key'))
  const asked = await backend.hears('secret')
  expect(asked).toMatchObject({ action: 'seal', bytes: new Uint8Array(Buffer.from('key')) })
  if (asked.type === 'secret') backend.tell({ type: 'secret', id: asked.id, bytes: Uint8Array.of(9) })
  expect(await sealed).toEqual(Uint8Array.of(9))

  const opened = secrets.open(Uint8Array.of(9))
  backend.tell({ type: 'secret', id: 2, error: 'locked' })
  await expect(opened).rejects.toThrow('locked')
  expect(secrets.kind).toBe('system')
})
