/**
 * The key ring's questions to other servers.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server
 */
import type { AskForKeys } from '../keys/key-ring.js'
import type { FederationClient } from './federation-client.js'

const timeoutMs = 10_000

export function makeAskForKeys({ client }: { client: FederationClient }): AskForKeys {
  return {
    direct: (serverName, signal) =>
      client.request({
        destination: serverName,
        method: 'GET',
        path: '/_matrix/key/v2/server',
        unsigned: true,
        // Whoever just sent us something signed is there, whatever happened before.
        ignoreBackoff: true,
        timeoutMs,
        maxBytes: 100 * 1024,
        ...(signal && { signal }),
      }),
    notary(notary, wanted, signal) {
      const server_keys: Record<string, Record<string, { minimum_valid_until_ts: number }>> = {}
      for (const { serverName, keyId, validAt } of wanted) {
        server_keys[serverName] ??= {}
        server_keys[serverName][keyId] = { minimum_valid_until_ts: Math.round(validAt) }
      }
      return client.request({
        destination: notary,
        method: 'POST',
        path: '/_matrix/key/v2/query',
        unsigned: true,
        content: { server_keys },
        timeoutMs: 20_000,
        maxBytes: 10 * 1024 * 1024,
        ...(signal && { signal }),
      })
    },
  }
}
