/**
 * The homeserver in a utility process: started again with growing delays when it dies.
 *
 * Live ports are handed over to it. Requests of the page go to its client listener on loopback,
 * which serves the same paths; a Request cannot cross processes.
 */
import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron'
import type { HomeserverConfig } from '../../server/kernel/config.js'
import { dataDirLayout } from '../../server/kernel/data-dir.js'
import type { Logger } from '../../server/kernel/logger.js'
import type { SecretBox } from '../../server/kernel/secrets.js'
import type { DataFault } from '../../server/kernel/start-faults.js'
import type { FromBackend, ToBackend } from '../backend.js'
import { restartDelayMs } from '../policy.js'
import { channelOverPort } from '../port-channel.js'
import { type ServerHost, unavailable, withSetupSecret } from './server-host.js'

/** A server that ran this long is healthy: the next death starts counting afresh. */
const healthyAfterMs = 60_000

export function startUtilityServer(
  config: HomeserverConfig,
  deps: { logger: Logger; secrets: Promise<SecretBox>; accept: readonly DataFault[]; backendPath: string },
): ServerHost {
  let child: UtilityProcess | undefined
  let clientUrl: string | undefined
  let setupSecret: string | undefined
  let problem: string | undefined
  let fault: DataFault | undefined
  let accept = deps.accept
  let restarts = 0
  let isClosing = false
  let restartTimer: NodeJS.Timeout | undefined
  let closing: Promise<void> | undefined
  let settleStart = () => {}
  let onLost = () => {}
  const started = new Promise<void>((resolve) => {
    settleStart = resolve
  })

  const send = (to: UtilityProcess, message: ToBackend, ports?: MessagePortMain[]) => to.postMessage(message, ports)

  const answerSecret = async (from: UtilityProcess, asked: Extract<FromBackend, { type: 'secret' }>) => {
    const secrets = await deps.secrets
    try {
      send(from, { type: 'secret', id: asked.id, bytes: await secrets[asked.action](asked.bytes) })
    } catch (error) {
      send(from, { type: 'secret', id: asked.id, error: (error as Error).message })
    }
  }

  const fork = async () => {
    const secrets = await deps.secrets
    if (isClosing) return
    const startedAt = Date.now()
    const forked = utilityProcess.fork(deps.backendPath, [], { serviceName: 'Hearth server' })
    child = forked
    forked.on('message', (message: FromBackend) => {
      if (message.type === 'secret') return void answerSecret(forked, message)
      if (message.type === 'started') {
        clientUrl = message.clientUrl
        setupSecret = message.setupSecret
        problem = undefined
        settleStart()
      } else if (message.type === 'failed') {
        problem = message.problem
        fault = message.fault
        deps.logger.fatal({ problem }, 'the server did not start')
        settleStart()
      }
    })
    forked.on('exit', (code) => {
      if (child !== forked) return
      child = undefined
      clientUrl = undefined
      if (isClosing) return
      onLost()
      restarts = Date.now() - startedAt > healthyAfterMs ? 0 : restarts
      const delay = restartDelayMs(restarts)
      restarts += 1
      deps.logger.error({ code, delay }, 'the server process ended; starting it again')
      restartTimer = setTimeout(() => void fork(), delay)
    })
    send(forked, {
      type: 'start',
      config,
      logsFolder: dataDirLayout(config.data_dir).logs,
      secretKind: secrets.kind,
      accept,
    })
    accept = [] // for that one start
  }
  void fork()

  return {
    started,
    get problem() {
      return problem
    },
    get fault() {
      return fault
    },
    async handle(given) {
      await started
      if (!clientUrl) return unavailable(problem)
      const request = withSetupSecret(given, setupSecret)
      const { pathname, search } = new URL(request.url)
      const headers = new Headers(request.headers)
      headers.delete('host')
      headers.delete('origin') // app://local means nothing to the listener; the request is its own machine's
      try {
        return await fetch(new URL(pathname + search, clientUrl), {
          method: request.method,
          headers,
          body: request.body,
          redirect: 'manual',
          signal: request.signal,
          ...(request.body && { duplex: 'half' }),
        } as RequestInit)
      } catch {
        return unavailable(problem)
      }
    },
    async connect(port) {
      await started
      if (child && clientUrl) send(child, { type: 'connect' }, [port])
      else channelOverPort(port).close(1012, 'the server is not running')
    },
    onLost(handler) {
      onLost = handler
    },
    onUnusable() {},
    close() {
      isClosing = true
      clearTimeout(restartTimer)
      closing ??= new Promise((resolve) => {
        if (!child) return resolve()
        child.once('exit', () => resolve())
        send(child, { type: 'close' })
      })
      return closing
    },
  }
}
