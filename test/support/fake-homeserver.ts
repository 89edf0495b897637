/**
 * A homeserver for tests of its hosts: it answers over HTTP and in process, and echoes live frames.
 *
 * It has the real one's shape and does none of its work, so that a test can watch what a host does
 * around it, and let it fail or hang on demand.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Homeserver } from '../../server/index.js'
import type { HomeserverConfig } from '../../server/kernel/config.js'
import type { SecretBox } from '../../server/kernel/secrets.js'
import type { Channel } from '../../server/live/channel.js'

export type Started = {
  config: HomeserverConfig
  secrets: SecretBox
  channels: Channel[]
  isClosed: boolean
  /** Lets the homeserver say that it needs a fresh process. */
  fail(reason: string): void
}
type Behaviour = {
  failWith?: Error | (() => Promise<Error>)
  /** `close` never settles. */
  hangsOnClose?: boolean
  /** HTTP status of /_matrix/client/versions. */
  versionsStatus?: number
  /** Present while the server has still to be set up. */
  setupSecret?: string
}

export function makeFakeHomeserver(behaviour: Behaviour = {}) {
  const started: Started[] = []
  const startHomeserver = async (config: HomeserverConfig, deps: { secrets?: SecretBox } = {}): Promise<Homeserver> => {
    const { failWith } = behaviour
    if (failWith) throw typeof failWith === 'function' ? await failWith() : failWith
    const http = createServer((request, response) => {
      const status = request.url === '/_matrix/client/versions' ? (behaviour.versionsStatus ?? 200) : 404
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"versions":["v1.19"]}')
    })
    const { host, port } = config.listeners.client
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(port, host, resolve)
    })
    let tell = (_reason: string) => {}
    const fail = (reason: string) => tell(reason)
    const self: Started = { config, secrets: deps.secrets!, channels: [], isClosed: false, fail }
    started.push(self)
    return {
      serverName: config.server_name,
      federationPort: undefined,
      clientUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
      setupSecret: behaviour.setupSecret,
      handle: async (request) => {
        const setup = request.headers.get('x-hearth-setup')
        return Response.json({
          path: new URL(request.url).pathname,
          method: request.method,
          ...(setup !== null && { setup }),
        })
      },
      openLiveChannel(channel) {
        self.channels.push(channel)
        channel.onMessage((bytes) => channel.post(bytes))
      },
      needsOnboarding: () => config.server_name === undefined,
      onUnusable(handler) {
        tell = handler
      },
      close() {
        if (behaviour.hangsOnClose) return new Promise(() => {})
        self.isClosed = true
        http.closeAllConnections()
        return new Promise((resolve) => http.close(() => resolve()))
      },
    }
  }
  return { startHomeserver, started }
}
