/** A whole homeserver on a given data directory, until somebody kills it. */
import type { Say } from '../../../support/child.js'
import { startHomeserver } from '../../../support/homeserver.js'

export async function main({ dataDir }: { dataDir: string }, say: Say): Promise<void> {
  const hs = await startHomeserver({ dataDir, sockets: true })
  say({ url: hs.server.clientUrl })
  await new Promise(() => setInterval(() => undefined, 1_000))
}
