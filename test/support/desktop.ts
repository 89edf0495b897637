/**
 * main/index.ts run against the fake Electron and the fake homeserver, in a temporary data directory.
 *
 * Each start gets fresh modules, as a process would. Nothing is ready until `becomeReady`.
 */
import { resolve } from 'node:path'
import { vi } from 'vitest'
import type { Answer } from '../../main/ipc/contract.js'
import type * as FakeElectron from './fake-electron.js'
import { makeFakeHomeserver } from './fake-homeserver.js'
import { temporaryDirectory } from './temporary-directory.js'

type Options = {
  args?: string[]
  env?: Record<string, string>
  homeserver?: Parameters<typeof makeFakeHomeserver>[0]
  /** Changes the fake before main runs. */
  before?(electron: typeof FakeElectron): void
  dataDir?: string
}

const repo = resolve(import.meta.dirname, '../..')

export async function startDesktop(options: Options = {}) {
  const directory = temporaryDirectory()
  const dataDir = options.dataDir ?? directory.path
  const listeners = ['uncaughtException', 'unhandledRejection'] as const
  const listenersBefore = listeners.map((name) => process.listeners(name as 'uncaughtException'))
  const argvBefore = process.argv
  const homeserver = makeFakeHomeserver(options.homeserver)

  vi.resetModules()
  vi.stubGlobal('__SIGNED_BUILD__', false)
  vi.stubEnv('HEARTH_LOG_LEVEL', 'debug')
  for (const [name, value] of Object.entries(options.env ?? {})) vi.stubEnv(name, value)
  vi.doMock(resolve(repo, 'server/index.ts'), () => ({ startHomeserver: homeserver.startHomeserver }))
  const electron: typeof FakeElectron = await import('./fake-electron.js')
  options.before?.(electron)
  process.argv = ['electron', '.', '--data-dir', dataDir, '--client-port', '0', ...(options.args ?? [])]
  await import('../../main/index.js')

  const window = () => {
    const [first] = electron.BrowserWindow.all
    if (!first) throw new Error('there is no window')
    return first
  }
  return {
    electron,
    dataDir,
    started: homeserver.started,
    window,
    /** Becomes ready and waits until `run` has gone as far as it can. */
    async becomeReady() {
      electron.app.becomeReady()
      const isRunning = () => electron.app.exitCode !== undefined || electron.dialog.errors.length > 0
      await vi.waitFor(() => {
        if (homeserver.started.length === 0 && electron.UtilityProcess.all.length === 0 && !isRunning())
          throw new Error('the server has not been started')
      })
      await new Promise((done) => setTimeout(done, 20))
    },
    call: <Value>(channel: string, ...given: unknown[]) =>
      electron.ipcMain.invoke(window().webContents, channel, given) as Promise<Answer<Value>>,
    /** Waits for something main does later. */
    until: (check: () => void) => vi.waitFor(check, { timeout: 7_000, interval: 10 }),
    [Symbol.asyncDispose]: async () => {
      electron.app.quit()
      await vi.waitFor(() => {
        if (electron.app.exitCode === undefined) throw new Error('the app does not quit')
      }, 6_000)
      process.argv = argvBefore
      listeners.forEach((name, i) => {
        for (const listener of process.listeners(name as 'uncaughtException'))
          if (!listenersBefore[i]!.includes(listener)) process.off(name, listener)
      })
      vi.doUnmock(resolve(repo, 'server/index.ts'))
      vi.unstubAllGlobals()
      vi.unstubAllEnvs()
      directory[Symbol.dispose]()
    },
  }
}
