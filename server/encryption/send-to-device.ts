/**
 * Messages to devices: written down for those of this server's users, and for other servers, in one transaction with the
 * answer to the request's transaction ID. So each is sent once, and in the order of the requests.
 *
 * A message to a device that is not there is dropped; `*` is every device the user has now. One request is one transaction
 * of the database, so its size is bounded.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging
 */
import type { JsonObject } from '../events/pdu.js'
import { MatrixError } from '../kernel/errors.js'
import { type DeviceId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { insertToDevice, readDeviceIds } from '../store/device-sync-store.js'
import type { Database } from '../store/reader.js'
import type { Change, Grant, StreamPosition, Write } from '../store/writes.js'
import type { ToDeviceInbox } from '../sync/to-device-inbox.js'

/** By user and device; `*` for all devices. */
export type MessagesToDevices = ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>
export type ToDevice = { sender: UserId; type: string; messages: MessagesToDevices }

export type Told = { writes: Write[]; changes: Change[] }
type With = (grant: Grant) => Told

/**
 * Writes messages down for devices of this server; users of others are passed over.
 *
 * @param along is committed with them
 * @throws MatrixError 413 `M_TOO_LARGE`
 */
export type DeliverToDevices = (message: ToDevice, along: With) => Promise<void>

export type SendToDevice = (message: ToDevice, record: () => Write[]) => Promise<void>

/** Content of one message, in bytes of JSON. */
export const maxContentBytes = 65_536
/** Of one request, each device counted: it has to fit into a transaction. */
const limits = { messages: 5_000, bytes: 4_000_000 }

const tooLarge = (message: string) => new MatrixError(413, 'M_TOO_LARGE', message)

type Needs = { db: Database; serverName: ServerName; inbox: Pick<ToDeviceInbox, 'keepWithin'> }
type Letter = { userId: UserId; deviceId: DeviceId; content: string }

export function makeDeliverToDevices({ db, serverName, inbox }: Needs): DeliverToDevices {
  async function addressed(messages: MessagesToDevices): Promise<Letter[]> {
    const local = [...messages].filter(([userId]) => serverNameOf(userId) === serverName)
    const devices = await readDeviceIds(
      db,
      local.map(([userId]) => userId),
    )
    return local.flatMap(([userId, byDevice]) => {
      const there = devices.get(userId) ?? []
      return [...byDevice].flatMap(([wanted, body]) => {
        const content = JSON.stringify(body)
        const to = wanted === '*' ? there : there.filter((deviceId) => deviceId === wanted)
        return to.map((deviceId) => ({ userId, deviceId, content }))
      })
    })
  }

  return async ({ sender, type, messages }, along) => {
    const letters = await addressed(messages)
    checkSize(letters)
    await db.commit((grant) => {
      const more = along(grant)
      // A device gets one message at a position: `*` and its own name may both be there.
      const rounds = inRounds(letters).map((round) => ({ round, position: grant.position() }))
      const placed = rounds.flatMap(({ round, position }) => round.map((letter) => ({ ...letter, position })))
      return {
        writes: [
          ...more.writes,
          ...placed.map(({ userId, deviceId, content, position }) =>
            insertToDevice(userId, deviceId, { sender, type, content, position }),
          ),
        ],
        changes: [...more.changes, ...placed.map(toChange)],
        result: undefined,
      }
    })
    for (const letter of letters) await inbox.keepWithin(letter)
  }
}

const toChange = ({ userId, deviceId, content, position }: Letter & { position: StreamPosition }): Change => ({
  ...{ kind: 'to_device', position, userId, deviceId, size: content.length },
})

/** Each device once in a round, in order. */
function inRounds(letters: readonly Letter[]): Letter[][] {
  const rounds: Letter[][] = []
  const had = new Map<string, number>()
  for (const letter of letters) {
    const key = JSON.stringify([letter.userId, letter.deviceId])
    const round = had.get(key) ?? 0
    had.set(key, round + 1)
    rounds[round] ??= []
    rounds[round].push(letter)
  }
  return rounds
}

/** @throws MatrixError 413 */
function checkSize(letters: readonly Letter[]): void {
  if (letters.length > limits.messages) throw tooLarge(`A request sends at most ${limits.messages} messages.`)
  let bytes = 0
  for (const { content } of letters) bytes += Buffer.byteLength(content)
  if (bytes > limits.bytes) throw tooLarge(`A request sends at most ${limits.bytes} bytes.`)
}

type SendNeeds = { deliver: DeliverToDevices; addressServers: (message: ToDevice) => With }

export function makeSendToDevice({ deliver, addressServers }: SendNeeds): SendToDevice {
  return (message, record) => {
    for (const byDevice of message.messages.values())
      for (const content of byDevice.values())
        if (Buffer.byteLength(JSON.stringify(content)) > maxContentBytes)
          throw tooLarge(`A message has at most ${maxContentBytes} bytes.`)
    const toServers = addressServers(message)
    return deliver(message, (grant) => {
      const { writes, changes } = toServers(grant)
      return { writes: [...record(), ...writes], changes }
    })
  }
}
