/**
 * What /sync reads of the tables that the server carries for devices: messages to a device, changes of device
 * lists, and how many keys of a device are left.
 *
 * Schema: schema/migrations/0003-encryption.surql
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import type { DeviceId, EventId, RoomId, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { idRange } from './rpc.js'
import { deleteRow, insertRow, type StreamPosition, type Write } from './writes.js'

export type ToDeviceRow = {
  sender: UserId
  type: string
  /** JSON text of the content. */
  content: string
  position: StreamPosition
}

/**
 * Messages to a device, oldest first.
 *
 * @param after position they come after, exclusive
 * @param upTo inclusive
 */
export async function readToDevice(
  db: Reader,
  userId: UserId,
  deviceId: DeviceId,
  { after, upTo, limit }: { after: number; upTo: number; limit: number },
): Promise<ToDeviceRow[]> {
  const [rows] = await db.query<[ToDeviceRow[]]>(
    'SELECT sender, type, content, record::id(id)[2] AS position FROM $range LIMIT $limit',
    { range: idRange('to_device_message', [userId, deviceId, after + 1], [userId, deviceId, upTo + 1]), limit },
  )
  return rows
}

/** Positions and sizes of the messages to a device up to a position, oldest first. */
export async function readToDeviceSizes(
  db: Reader,
  userId: UserId,
  deviceId: DeviceId,
  upTo: number = Number.MAX_SAFE_INTEGER - 1,
): Promise<{ position: number; size: number }[]> {
  const [rows] = await db.query<[{ position: number; size: number }[]]>(
    'SELECT record::id(id)[2] AS position, size FROM $range',
    { range: idRange('to_device_message', [userId, deviceId, 0], [userId, deviceId, upTo + 1]) },
  )
  return rows
}

/** How many messages wait for a device, and the sum of their sizes. */
export async function countToDevice(
  db: Reader,
  userId: UserId,
  deviceId: DeviceId,
): Promise<{ count: number; bytes: number }> {
  const [rows] = await db.query<[{ count: number; bytes: number }[]]>(
    'SELECT count() AS count, math::sum(size) AS bytes FROM $range GROUP ALL',
    { range: idRange('to_device_message', [userId, deviceId, 0], [userId, deviceId, Number.MAX_SAFE_INTEGER]) },
  )
  return rows[0] ?? { count: 0, bytes: 0 }
}

export const insertToDevice = (userId: UserId, deviceId: DeviceId, { position, ...row }: ToDeviceRow): Write =>
  insertRow('to_device_message', { id: [userId, deviceId, position], ...row, size: row.content.length })

export const deleteToDevice = (userId: UserId, deviceId: DeviceId, position: number): Write =>
  deleteRow('to_device_message', [userId, deviceId, position])

/** Devices of users, by user; those of nobody are none. */
export async function readDeviceIds(db: Reader, userIds: readonly UserId[]): Promise<Map<UserId, DeviceId[]>> {
  const devices = new Map<UserId, DeviceId[]>()
  for (let start = 0; start < userIds.length; start += 100) {
    const some = userIds.slice(start, start + 100)
    const bindings = Object.fromEntries(some.map((userId, i) => [`u${i}`, userId]))
    const sql = some.map((_, i) => `SELECT VALUE record::id(id)[1] FROM device:[$u${i}, NONE]..[$u${i}, ..]`)
    const answers = await db.query<DeviceId[][]>(sql.join(';'), bindings)
    for (const [i, userId] of some.entries()) devices.set(userId, answers[i] ?? [])
  }
  return devices
}

export type DeviceListChange = { userId: UserId; onlyFor: UserId | undefined }

/** Changes of device lists after `since` up to `upTo`, both as positions. */
export async function readDeviceListChanges(db: Reader, since: number, upTo: number): Promise<DeviceListChange[]> {
  const [rows] = await db.query<[{ user_id: UserId; only_for?: UserId }[]]>('SELECT user_id, only_for FROM $range', {
    range: idRange('device_list_change', since + 1, upTo + 1),
  })
  return rows.map(({ user_id, only_for }) => ({ userId: user_id, onlyFor: only_for }))
}

/** Members of a room whose member event came after a position. */
export async function readMembersSince(
  db: Reader,
  { roomId, stateGeneration }: { roomId: RoomId; stateGeneration: number },
  since: number,
): Promise<UserId[]> {
  const [users] = await db.query<[UserId[]]>(
    `SELECT VALUE record::id(id)[3] FROM state_member:[$room, $generation, NONE]..[$room, $generation, ..]
     WHERE position > $since`,
    { room: roomId, generation: stateGeneration, since },
  )
  return users
}

export type MemberMove = { membership: string; event_id: EventId; position: StreamPosition }
const pairsAtOnce = 100

/** Of each pair, what became of the user in the room, oldest first. */
export async function readMemberMoves(
  db: Reader,
  pairs: readonly { roomId: RoomId; userId: UserId }[],
): Promise<MemberMove[][]> {
  const moves: MemberMove[][] = []
  for (let start = 0; start < pairs.length; start += pairsAtOnce) {
    const some = pairs.slice(start, start + pairsAtOnce)
    const bindings = Object.fromEntries(
      some.flatMap(({ roomId, userId }, i) => [
        [`r${i}`, roomId],
        [`u${i}`, userId],
      ]),
    )
    const sql = some.map(
      (_, i) =>
        `SELECT membership, event_id, position FROM membership_change:[$r${i}, $u${i}, NONE]..[$r${i}, $u${i}, ..]`,
    )
    moves.push(...(await db.query<MemberMove[][]>(sql.join(';'), bindings)))
  }
  return moves
}

export type KeyCounts = {
  /** Unclaimed one-time keys by algorithm. */
  oneTimeKeys: Record<string, number>
  /** Algorithms that have an unused fallback key. */
  unusedFallbackKeys: string[]
}

export async function readKeyCounts(db: Reader, userId: UserId, deviceId: DeviceId): Promise<KeyCounts> {
  const [algorithms, fallbacks] = await db.query<[string[], { algorithm: string; used?: boolean }[]]>(
    `SELECT VALUE record::id(id)[2] FROM one_time_key:[$user, $device, NONE]..[$user, $device, ..];
     SELECT record::id(id)[2] AS algorithm, used FROM fallback_key:[$user, $device, NONE]..[$user, $device, ..]`,
    { user: userId, device: deviceId },
  )
  const oneTimeKeys = new Map<string, number>()
  for (const algorithm of algorithms) oneTimeKeys.set(algorithm, (oneTimeKeys.get(algorithm) ?? 0) + 1)
  return {
    oneTimeKeys: Object.fromEntries(oneTimeKeys),
    unusedFallbackKeys: fallbacks.filter(({ used }) => !used).map(({ algorithm }) => algorithm),
  }
}
