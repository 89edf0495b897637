/**
 * The order of the end: the window may close for real, the server closes (at most 5 s), the process
 * exits. `kill -9` is harmless to the data, so a server that hangs is not waited for.
 */
import { app, powerMonitor } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'

const capMs = 5_000

export type Quitting = {
  /** True from the first wish to quit: closing the window must not hide it any more. */
  isUnderWay(): boolean
}

/** @param closeServer resolves when the server has given everything up */
export function quitInOrder(closeServer: () => Promise<void>, logger: Logger): Quitting {
  let isUnderWay = false
  let isClosed = false
  app.on('before-quit', (event) => {
    if (isClosed) return
    event.preventDefault()
    if (isUnderWay) return
    isUnderWay = true
    let cap: NodeJS.Timeout | undefined
    const inTime = new Promise<'late'>((resolve) => {
      cap = setTimeout(resolve, capMs, 'late')
    })
    Promise.race([closeServer(), inTime])
      .then((how) => {
        if (how === 'late') logger.error('the server did not close in time')
      })
      .catch((error: Error) => logger.error({ err: error }, 'the server did not close cleanly'))
      .finally(() => {
        clearTimeout(cap)
        isClosed = true
        app.exit(0)
      })
  })
  // Logging out or switching off: the same order, and the system waits a little.
  powerMonitor.on('shutdown', (event?: { preventDefault(): void }) => {
    event?.preventDefault()
    app.quit()
  })
  return { isUnderWay: () => isUnderWay }
}
