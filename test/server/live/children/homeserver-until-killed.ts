/** A whole homeserver on a given data directory, in a network at home, until somebody kills it. */
import type { Say } from '../../../support/child.js'
import { startHomeserver } from '../../../support/homeserver.js'

export async function main({ dataDir }: { dataDir: string }, say: Say): Promise<void> {
  const hs = await startHomeserver({
    dataDir,
    sockets: true,
    config(config) {
      config.push.allow_http_gateways = true
      config.outbound.allow_private_addresses = true
    },
  })
  say({ url: hs.server.clientUrl })
  await new Promise(() => setInterval(() => undefined, 1_000))
}
