/**
 * EDUs that must arrive: messages to devices, and what changed of our users' devices and keys. Their rows are written in the
 * transaction that they belong to (`outbox_message:[destination, position]`), and the sender is told by the change.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging
 */
import type { ToDevice, Told } from '../encryption/send-to-device.js'
import type { Edu } from '../events/edu.js'
import type { JsonObject } from '../events/pdu.js'
import { randomId } from '../kernel/clock.js'
import { type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { insertOutboxMessage } from '../store/outbox-store.js'
import type { Grant } from '../store/writes.js'
import type { IsServerAllowed } from './server-policy.js'

/** Content of one EDU, in characters: other servers limit an EDU to 64 KiB. */
const maxEduLength = 60_000

/** The rows of EDUs and the changes that tell the sender. */
export function addressEdus(grant: Grant, edus: readonly { destination: ServerName; edu: Edu }[]): Told {
  const placed = edus.map((each) => ({ ...each, position: grant.position() }))
  return {
    writes: placed.map(({ destination, edu, position }) =>
      insertOutboxMessage(destination, { position, edu: JSON.stringify(edu) }),
    ),
    changes: placed.map(({ destination, edu, position }) => ({ kind: 'lasting_edu', position, destination, edu })),
  }
}

export type AddressServers = (message: ToDevice) => (grant: Grant) => Told

/** Messages to devices of other servers' users, as EDUs for these. */
export function makeAddressServers(needs: {
  serverName: ServerName
  isServerAllowed: IsServerAllowed
}): AddressServers {
  return ({ sender, type, messages }) => {
    const byServer = new Map<ServerName, [UserId, string, JsonObject][]>()
    for (const [userId, byDevice] of messages) {
      const server = serverNameOf(userId)
      if (server === needs.serverName || !needs.isServerAllowed(server)) continue
      const entries = [...byDevice].map(
        ([device, content]) => [userId, device, content] as [UserId, string, JsonObject],
      )
      byServer.set(server, [...(byServer.get(server) ?? []), ...entries])
    }
    const edus = [...byServer].flatMap(([destination, entries]) =>
      inEdus(entries).map((part) => ({
        destination,
        edu: { edu_type: 'm.direct_to_device', content: { sender, type, message_id: randomId(24), messages: part } },
      })),
    )
    return (grant) => addressEdus(grant, edus)
  }
}

function inEdus(entries: readonly [UserId, string, JsonObject][]): JsonObject[] {
  const parts: Map<UserId, [string, JsonObject][]>[] = []
  let length = maxEduLength
  for (const [userId, device, content] of entries) {
    const size = JSON.stringify(content).length + userId.length + device.length
    if (length + size > maxEduLength) {
      parts.push(new Map())
      length = 0
    }
    length += size
    const part = parts.at(-1)!
    part.set(userId, [...(part.get(userId) ?? []), [device, content]])
  }
  return parts.map((part) => Object.fromEntries([...part].map(([userId, of]) => [userId, Object.fromEntries(of)])))
}
