/**
 * EDUs of another server that must not be lost: messages to devices of our users, and word that devices or keys of its users
 * changed. A transaction is answered when they are durable.
 *
 * A message is taken once, whatever is repeated after a crash: its ID is written with it. A server speaks for its own users only,
 * and of what changed only users count with whom somebody here shares a room: those here are told, and what is kept of the
 * user's devices (remote-device-lists.ts) moves in the same commit.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
import { deviceListChanged } from '../encryption/device-list-changed.js'
import { type DeliverToDevices, type MessagesToDevices, maxContentBytes } from '../encryption/send-to-device.js'
import { type Edu, parseEdu } from '../events/edu.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import { type DeviceId, parseUserId, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { insertReceivedMessage } from '../store/device-stream-store.js'
import { AlreadyExistsError } from '../store/errors.js'
import type { Database } from '../store/reader.js'
import type { TakeDeviceUpdates } from './remote-device-lists.js'

/** Throws where what was to be kept could not be. */
export type ReceiveLastingEdus = (origin: ServerName, edus: readonly unknown[]) => Promise<void>

type Needs = {
  db: Database
  clock: Clock
  log: Pick<Logger, 'warn'>
  deliverToDevices: DeliverToDevices
  /** Whether anybody of this server is in a room with the user. */
  isShared: (userId: UserId) => Promise<boolean>
  takeUpdates: TakeDeviceUpdates
}

/** Of one user, in order. */
type Updates = { deviceIds: Set<DeviceId>; edus: Edu[] }

/** Devices named in one EDU, each user's; an honest one is far below. */
const maxNamed = 2_000
const maxIdLength = 255

export function makeReceiveLastingEdus(needs: Needs): ReceiveLastingEdus {
  const { db, clock, log, deliverToDevices } = needs

  async function receiveMessage(origin: ServerName, content: JsonObject): Promise<void> {
    const message = parseMessage(content, origin)
    if (!message) return
    const { messageId, ...letter } = message
    try {
      await deliverToDevices(letter, () => ({
        writes: [insertReceivedMessage(origin, messageId, clock.now())],
        changes: [],
      }))
    } catch (error) {
      if (error instanceof AlreadyExistsError) return
      if (!(error instanceof MatrixError)) throw error
      log.warn({ origin, err: error }, 'a message to devices was not taken')
    }
  }

  async function tellChanged(origin: ServerName, changed: ReadonlyMap<UserId, Updates>): Promise<void> {
    const shared = new Map<UserId, Updates>()
    for (const [userId, updates] of changed) if (await needs.isShared(userId)) shared.set(userId, updates)
    if (shared.size === 0) return
    const updates = new Map([...shared].map(([userId, { edus }]) => [userId, edus]))
    await needs.takeUpdates(origin, updates, ({ writes: kept, durable }) =>
      db.commit((grant) => {
        const told = [...shared].map(([userId, { deviceIds }]) => deviceListChanged(grant, userId, [...deviceIds]))
        return {
          writes: [...kept, ...told.flatMap(({ writes }) => writes)],
          changes: told.flatMap(({ changes }) => changes),
          result: undefined,
          durable,
        }
      }),
    )
  }

  return async (origin, edus) => {
    const changed = new Map<UserId, Updates>()
    for (const value of edus) {
      const edu = parseEdu(value)
      if (edu?.edu_type === 'm.direct_to_device') await receiveMessage(origin, edu.content)
      else if (edu?.edu_type === 'm.device_list_update' || edu?.edu_type === 'm.signing_key_update') {
        const userId = userOf(origin, edu.content.user_id)
        if (!userId) continue
        const { device_id: deviceId } = edu.content
        const known = changed.get(userId) ?? { deviceIds: new Set(), edus: [] }
        if (typeof deviceId === 'string' && deviceId.length <= maxIdLength) known.deviceIds.add(deviceId as DeviceId)
        known.edus.push(edu)
        changed.set(userId, known)
      }
    }
    await tellChanged(origin, changed)
  }
}

function userOf(origin: ServerName, value: unknown): UserId | undefined {
  const userId = parseUserId(value)
  return userId && serverNameOf(userId) === origin ? userId : undefined
}

type Message = { sender: UserId; type: string; messageId: string; messages: MessagesToDevices }

function parseMessage(content: JsonObject, origin: ServerName): Message | undefined {
  const sender = userOf(origin, content.sender)
  const { type, message_id: messageId, messages: given } = content
  if (!sender || typeof type !== 'string' || type.length > maxIdLength || !isJsonObject(given)) return undefined
  if (typeof messageId !== 'string' || messageId.length > maxIdLength) return undefined
  const messages = new Map<UserId, Map<string, JsonObject>>()
  let named = 0
  for (const [user, byDevice] of Object.entries(given)) {
    const userId = parseUserId(user)
    if (!userId || !isJsonObject(byDevice)) continue
    const letters = new Map<string, JsonObject>()
    for (const [device, body] of Object.entries(byDevice)) {
      if (++named > maxNamed) return undefined
      if (isJsonObject(body) && Buffer.byteLength(JSON.stringify(body)) <= maxContentBytes) letters.set(device, body)
    }
    messages.set(userId, letters)
  }
  return { sender, type, messageId, messages }
}
