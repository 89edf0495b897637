/** A page that crashes is loaded again, unless it keeps crashing; nothing ever leaves the machine. */
import { app, crashReporter, dialog } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'
import { isReloadWise } from '../policy.js'

export function recoverFromCrashes(logger: Logger): void {
  crashReporter.start({ uploadToServer: false })
  const crashedAt: number[] = []
  app.on('render-process-gone', (_event, contents, { reason, exitCode }) => {
    if (reason === 'clean-exit') return
    const now = Date.now()
    crashedAt.push(now)
    logger.error({ reason, exitCode }, 'the page crashed')
    if (isReloadWise(crashedAt, now)) contents.reload()
    else dialog.showErrorBox('Hearth', 'The window keeps crashing. The server goes on; the logs tell more.')
  })
  app.on('child-process-gone', (_event, { type, reason, exitCode, name }) =>
    logger.error({ type, reason, exitCode, name }, 'a helper process ended'),
  )
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception')
    dialog.showErrorBox('Hearth', `Something went wrong: ${error.message}`)
  })
  process.on('unhandledRejection', (reason) => logger.error({ err: reason }, 'unhandled rejection'))
}
