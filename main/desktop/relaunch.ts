/**
 * Starts the whole app anew when the server can serve no longer: its database cannot be opened twice in one process.
 *
 * Soon after the start people are told first, so that a fault that comes at once does not make the app blink for ever.
 */
import { app, dialog } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'
import type { ServerHost } from './server-host.js'

const soonMs = 60_000

export function relaunchWhenUnusable(server: Pick<ServerHost, 'onUnusable'>, logger: Logger): void {
  const startedAt = Date.now()
  server.onUnusable((reason) => {
    logger.error({ reason }, 'the app is started anew')
    if (Date.now() - startedAt < soonMs) dialog.showErrorBox('Hearth', reason)
    app.relaunch()
    app.quit()
  })
}
