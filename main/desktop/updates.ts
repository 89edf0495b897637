/**
 * Updates: off unless a feed is configured and the app is installed.
 *
 * A downloaded update is installed only when somebody agrees. Before it is, the server is closed
 * and the database copied; without the copy there is no update.
 */
import { app, dialog } from 'electron'
import type { HomeserverConfig } from '../../server/kernel/config.js'
import type { Logger } from '../../server/kernel/logger.js'
import { backUpDatabase } from '../backup.js'

const checkEveryMs = 24 * 60 * 60_000

/** @returns whether updates are looked for */
export async function lookForUpdates(
  config: HomeserverConfig,
  closeServer: () => Promise<void>,
  logger: Logger,
): Promise<boolean> {
  const url = config.desktop.update_feed_url
  if (!url || !app.isPackaged) return false
  const { default: updater } = await import('electron-updater')
  const { autoUpdater } = updater
  autoUpdater.autoDownload = true
  autoUpdater.autoInstallOnAppQuit = false
  autoUpdater.allowDowngrade = false
  autoUpdater.logger = null
  autoUpdater.setFeedURL({ provider: 'generic', url })
  autoUpdater.on('error', (error) => logger.error({ err: error }, 'update failed'))
  autoUpdater.on('update-downloaded', ({ version }) => void offer(version))

  const offer = async (version: string) => {
    const { response } = await dialog.showMessageBox({
      type: 'question',
      message: `Hearth ${version} is ready.`,
      detail: 'The server stops for the update and starts again afterwards. A copy of the database is kept.',
      buttons: ['Restart and Update', 'Later'],
      defaultId: 0,
      cancelId: 1,
    })
    if (response !== 0) return
    try {
      await closeServer()
      await backUpDatabase(config.data_dir, app.getVersion(), new Date())
      autoUpdater.quitAndInstall()
    } catch (error) {
      logger.error({ err: error }, 'no backup, so no update')
      dialog.showErrorBox('Hearth', `The update was not installed: ${(error as Error).message}`)
      app.relaunch() // the server is closed, and the engine opens only once per process
      app.quit()
    }
  }

  const check = () => void autoUpdater.checkForUpdates().catch(() => undefined) // told by 'error'
  check()
  setInterval(check, checkEveryMs).unref()
  return true
}
