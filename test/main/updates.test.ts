/** Updates: looked for only with a feed and in an installed app; installed only after a backup. */
import { EventEmitter } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { startDesktop } from '../support/desktop.js'

const updater = Object.assign(new EventEmitter(), {
  setFeedURL: vi.fn(),
  checkForUpdates: vi.fn(async () => undefined),
  quitAndInstall: vi.fn(),
  autoDownload: false,
  autoInstallOnAppQuit: true,
})
vi.mock('electron-updater', () => ({ default: { autoUpdater: updater } }))
beforeEach(() => {
  updater.removeAllListeners()
  vi.clearAllMocks()
})

const feed = 'https://updates.example.org/stable/'
const installed = (isPackaged: boolean, env: Record<string, string> = { HEARTH_DESKTOP_UPDATE_FEED_URL: feed }) =>
  startDesktop({
    env,
    before: ({ app }) => {
      app.isPackaged = isPackaged
    },
  })

test('no feed, or not installed: nothing is looked for', async () => {
  {
    await using desktop = await installed(true, {})
    await desktop.becomeReady()
  }
  await using desktop = await installed(false)
  await desktop.becomeReady()

  expect(updater.setFeedURL).not.toHaveBeenCalled()
  expect(updater.checkForUpdates).not.toHaveBeenCalled()
})

test('with a feed it is asked, and nothing is installed behind anybody’s back', async () => {
  await using desktop = await installed(true)
  await desktop.becomeReady()
  await desktop.until(() => expect(updater.checkForUpdates).toHaveBeenCalled())

  expect(updater.setFeedURL).toHaveBeenCalledWith({ provider: 'generic', url: feed })
  expect(updater.autoInstallOnAppQuit).toBe(false)
  desktop.electron.dialog.answers.push(1)
  updater.emit('update-downloaded', { version: '0.2.0' })
  await desktop.until(() => expect(desktop.electron.dialog.asked).toHaveLength(1))

  expect(updater.quitAndInstall).not.toHaveBeenCalled()
  expect(desktop.started[0]?.isClosed).toBe(false)
})

test('agreed: the server closes, the database is copied, then it is installed', async () => {
  await using desktop = await installed(true)
  await desktop.becomeReady()
  await desktop.until(() => expect(updater.checkForUpdates).toHaveBeenCalled())
  mkdirSync(join(desktop.dataDir, 'db'))
  writeFileSync(join(desktop.dataDir, 'db', 'CURRENT'), 'x')
  desktop.electron.dialog.answers.push(0)

  updater.emit('update-downloaded', { version: '0.2.0' })
  await desktop.until(() => expect(updater.quitAndInstall).toHaveBeenCalled())

  expect(desktop.started[0]?.isClosed).toBe(true)
  expect(readdirSync(join(desktop.dataDir, 'backups'))).toEqual([expect.stringMatching(/^0\.1\.0-\d{8}T\d{6}Z$/)])
})

test('no backup, no update: the app starts again as it was', async () => {
  await using desktop = await installed(true)
  await desktop.becomeReady()
  await desktop.until(() => expect(updater.checkForUpdates).toHaveBeenCalled())
  mkdirSync(join(desktop.dataDir, 'db'))
  writeFileSync(join(desktop.dataDir, 'backups'), 'a file is in the way')
  desktop.electron.dialog.answers.push(0)

  updater.emit('update-downloaded', { version: '0.2.0' })
  await desktop.until(() => expect(desktop.electron.app.isRelaunching).toBe(true))

  expect(updater.quitAndInstall).not.toHaveBeenCalled()
  expect(desktop.electron.dialog.errors[0]).toMatch(/^The update was not installed: /)
})
