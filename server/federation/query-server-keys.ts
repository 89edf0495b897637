/**
 * This server as a notary: other servers' keys with our signature.
 *
 * Anyone may ask, so one question costs at most a few requests: names beyond the limit are refused,
 * excluded servers are not asked, and the key ring does not ask a server again that it just asked.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server
 */
import type { JsonObject } from '../events/pdu.js'
import { type SigningKey, signJson } from '../events/signatures.js'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { KeyRing } from '../keys/key-ring.js'
import type { PublishServerKeys } from '../keys/server-keys-document.js'
import { makeKeyedQueue } from './keyed-queue.js'
import type { IsServerAllowed } from './server-policy.js'

export const maxServersPerQuery = 100

/** Documents by server, each valid until the given time (absent: now) as far as such can be had. */
export type QueryServerKeys = (wanted: ReadonlyMap<ServerName, number | undefined>) => Promise<JsonObject[]>

type Needs = {
  serverName: ServerName
  signingKey: SigningKey
  keyRing: KeyRing
  publishServerKeys: PublishServerKeys
  isServerAllowed: IsServerAllowed
  clock: Clock
}

const lanes = 10

export function makeQueryServerKeys(needs: Needs): QueryServerKeys {
  // Strangers share these lanes: their questions never crowd out our own.
  const queue = makeKeyedQueue<number>()
  let next = 0

  async function documentsOf(serverName: ServerName, validAt: number | undefined): Promise<JsonObject[]> {
    if (serverName === needs.serverName) return [needs.publishServerKeys()]
    if (!needs.isServerAllowed(serverName)) return []
    const documents = await needs.keyRing.readDocuments(serverName, validAt ?? needs.clock.now())
    return documents.map((document) => signJson(document, needs.serverName, needs.signingKey))
  }

  return async (wanted) => {
    const answers = [...wanted].map(([serverName, validAt]) =>
      queue.run(next++ % lanes, () => documentsOf(serverName, validAt)),
    )
    return (await Promise.all(answers)).flat()
  }
}
