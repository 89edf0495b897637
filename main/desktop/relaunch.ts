/**
 * Starts the whole app anew when the server can serve no longer: its database cannot be opened twice in one process.
 *
 * Soon after the start people are told first, so that a fault that comes at once does not make the app blink for ever.
 */
import { app, dialog } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'
import type { DataFault } from '../../server/kernel/start-faults.js'
import { withoutAccepted } from '../command-line.js'
import type { ServerHost } from './server-host.js'

const soonMs = 60_000

export function relaunchWhenUnusable(server: Pick<ServerHost, 'onUnusable'>, logger: Logger): void {
  const startedAt = Date.now()
  server.onUnusable((reason) => {
    logger.error({ reason }, 'the app is started anew')
    if (Date.now() - startedAt < soonMs) dialog.showErrorBox('Hearth', reason)
    app.relaunch({ args: withoutAccepted(process.argv.slice(1)) })
    app.quit()
  })
}

/** Says why the server did not start; where one may go on with the data as it is, a button does that. */
export function tellProblem(problem: string, fault: DataFault | undefined): void {
  if (!fault) {
    dialog.showErrorBox('Hearth', problem)
    return
  }
  const answer = dialog.showMessageBoxSync({
    type: 'error',
    message: 'The data of this server is not as it was left.',
    detail: problem,
    buttons: ['Quit', 'Go On As It Is'],
    defaultId: 0,
    cancelId: 0,
  })
  if (answer === 1) app.relaunch({ args: [...withoutAccepted(process.argv.slice(1)), '--accept', fault] })
  app.quit()
}
