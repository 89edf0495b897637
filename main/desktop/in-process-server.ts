/** The homeserver inside Electron's main process: the default. */
import type { HomeserverConfig } from '../../server/kernel/config.js'
import type { Logger } from '../../server/kernel/logger.js'
import type { SecretBox } from '../../server/kernel/secrets.js'
import type { DataFault } from '../../server/kernel/start-faults.js'
import { channelOverPort } from '../port-channel.js'
import { acceptableFault, describeStartFailure, type RunningServer, startServer } from '../start-server.js'
import { type ServerHost, unavailable, withSetupSecret } from './server-host.js'

export function startInProcessServer(
  config: HomeserverConfig,
  deps: { logger: Logger; secrets: Promise<SecretBox>; accept: readonly DataFault[] },
): ServerHost {
  let server: RunningServer | undefined
  let problem: string | undefined
  let fault: DataFault | undefined
  const start = async () => {
    try {
      server = await startServer(config, { ...deps, secrets: await deps.secrets })
    } catch (error) {
      problem = describeStartFailure(error)
      fault = acceptableFault(error)
      deps.logger.fatal({ err: error }, 'the server did not start')
    }
  }
  const started = start()
  return {
    started,
    get problem() {
      return problem
    },
    get fault() {
      return fault
    },
    async handle(request) {
      await started
      if (!server) return unavailable(problem)
      const { homeserver } = server
      return homeserver.handle(withSetupSecret(request, homeserver.setupSecret))
    },
    async connect(port) {
      await started
      const channel = channelOverPort(port)
      if (server) server.homeserver.openLiveChannel(channel)
      else channel.close(1012, 'the server is not running')
    },
    // This process is the server's: its end is the window's end.
    onLost() {},
    onUnusable(handler) {
      void started.then(() => server?.homeserver.onUnusable(handler))
    },
    async close() {
      await started
      await server?.close()
    },
  }
}
