/** After sleep every connection may be dead without knowing it: the page is told to look. */
import { powerMonitor } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'

export function watchPower(resumed: () => void, logger: Logger): void {
  powerMonitor.on('suspend', () => logger.info('the machine goes to sleep'))
  powerMonitor.on('resume', () => {
    logger.info('the machine woke up')
    resumed()
  })
}
