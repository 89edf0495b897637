/**
 * Questions to other servers about their users' keys: one request for each server, all at once.
 *
 * Who does not answer, or answers what cannot be read, is among the failures; nobody waits for the others longer than was
 * asked for. Nothing is taken from a server about users that are not its own.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption
 */
import type { ClaimAnswer, ClaimRemoteKeys, WantedOneTimeKeys } from '../encryption/claim-keys.js'
import type { AskForKeys, QueriedKeys, WantedKeys } from '../encryption/query-keys.js'
import { parseClaimedKey, parseCrossSigningKey, parseQueriedDevices } from '../encryption/remote-key-shapes.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { type DeviceId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { FederationClient } from './federation-client.js'
import { FederationError } from './federation-error.js'

export type RemoteKeys = {
  askForKeys: AskForKeys
  claimRemoteKeys: ClaimRemoteKeys
}

const maxQueryBytes = 8 * 1024 * 1024

type Failures = Record<string, JsonObject>

export function makeRemoteKeys({ client }: { client: FederationClient }): RemoteKeys {
  /** Asks each server for its part. */
  async function askAll<T>(
    wanted: ReadonlyMap<UserId, T>,
    failures: Failures,
    ask: (server: ServerName, users: ReadonlyMap<UserId, T>) => Promise<void>,
  ): Promise<void> {
    const byServer = new Map<ServerName, Map<UserId, T>>()
    for (const [userId, of] of wanted) {
      const server = serverNameOf(userId)
      byServer.set(server, (byServer.get(server) ?? new Map()).set(userId, of))
    }
    await Promise.all(
      [...byServer].map(([server, users]) =>
        ask(server, users).catch((error: unknown) => {
          if (!(error instanceof FederationError)) throw error
          failures[server] = failureOf(error)
        }),
      ),
    )
  }

  return {
    async askForKeys(wanted: WantedKeys, timeoutMs: number) {
      const found: QueriedKeys & { failures: Failures } = {
        ...{ device_keys: {}, master_keys: {}, self_signing_keys: {}, failures: {} },
      }
      await askAll(wanted, found.failures, async (destination, users) => {
        const answer = await client.request({
          ...{ destination, method: 'POST', path: '/_matrix/federation/v1/user/keys/query', timeoutMs },
          content: { device_keys: Object.fromEntries(users) },
          maxBytes: maxQueryBytes,
        })
        for (const [userId] of users) takeUser(found, userId, answer)
      })
      return found
    },

    async claimRemoteKeys(wanted: WantedOneTimeKeys, timeoutMs: number) {
      const found: ClaimAnswer = { one_time_keys: {}, failures: {} }
      await askAll(wanted, found.failures, async (destination, users) => {
        const content = [...users].map(([userId, devices]) => [userId, Object.fromEntries(devices)])
        const answer = await client.request({
          ...{ destination, method: 'POST', path: '/_matrix/federation/v1/user/keys/claim', timeoutMs },
          content: { one_time_keys: Object.fromEntries(content) },
          maxBytes: maxQueryBytes,
        })
        for (const [userId, devices] of users) {
          const keys = claimedOf(answer, userId, devices)
          if (keys.length > 0) found.one_time_keys[userId] = Object.fromEntries(keys)
        }
      })
      return found
    },
  }
}

function takeUser(found: QueriedKeys, userId: UserId, answer: JsonObject): void {
  const of = (name: string): unknown => {
    const byUser = answer[name]
    return isJsonObject(byUser) && Object.hasOwn(byUser, userId) ? byUser[userId] : undefined
  }
  const devices = of('device_keys')
  if (devices !== undefined) found.device_keys[userId] = parseQueriedDevices(devices, userId)
  const master = parseCrossSigningKey(of('master_keys'), userId, 'master')
  if (master) found.master_keys[userId] = master
  const selfSigning = parseCrossSigningKey(of('self_signing_keys'), userId, 'self_signing')
  if (selfSigning) found.self_signing_keys[userId] = selfSigning
}

function claimedOf(answer: JsonObject, userId: UserId, devices: ReadonlyMap<DeviceId, string>) {
  const byUser = answer.one_time_keys
  const given = isJsonObject(byUser) && Object.hasOwn(byUser, userId) ? byUser[userId] : undefined
  if (!isJsonObject(given)) return []
  return [...devices].flatMap(([deviceId, algorithm]) => {
    const key = Object.hasOwn(given, deviceId) ? parseClaimedKey(given[deviceId], algorithm) : undefined
    return key ? [[deviceId, key] as const] : []
  })
}

const failureOf = ({ failure, answer }: FederationError): JsonObject => ({
  status: answer?.status ?? 503,
  message: `The server could not be asked (${failure}).`,
})
