/**
 * The devices of another server's user and the keys that vouch for them, as they are kept here, and what updates make of them.
 * Pure; everything is read from hostile input.
 *
 * Each update names the one before it (`prev_id`). One that names another is proof that something was missed: then nothing
 * that is kept counts any more, and the whole list is to be asked for.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import type { QueriedKeys } from './query-keys.js'
import { maxDevicesOfUser, parseCrossSigningKey, parseDeviceKeys } from './remote-key-shapes.js'

export type RemoteDeviceList = {
  /** Place in the stream of updates up to which this is; absent where a key query told it, which does not say. */
  readonly streamId?: number
  readonly devices: Readonly<Record<string, JsonObject>>
  readonly master?: JsonObject
  readonly selfSigning?: JsonObject
}

/** The answer of `GET /user/devices/{userId}`; undefined for what is none. */
export function parseUserDevices(answer: JsonObject, userId: UserId): RemoteDeviceList | undefined {
  const { user_id, stream_id: streamId, devices: given } = answer
  if (user_id !== userId || !Number.isSafeInteger(streamId) || !Array.isArray(given)) return undefined
  const devices: Record<string, JsonObject> = {}
  for (const each of given.slice(0, maxDevicesOfUser)) {
    const deviceId: unknown = isJsonObject(each) ? each.device_id : undefined
    const keys = isJsonObject(each) ? shownKeys(each, userId, deviceId) : undefined
    if (keys) setOwn(devices, String(deviceId), keys)
  }
  const master = parseCrossSigningKey(answer.master_key, userId, 'master')
  const selfSigning = parseCrossSigningKey(answer.self_signing_key, userId, 'self_signing')
  return { streamId: streamId as number, devices, ...(master && { master }), ...(selfSigning && { selfSigning }) }
}

/** Of a key query's answer; undefined where it says nothing of the user's devices. */
export function listInAnswer(answer: QueriedKeys, userId: UserId): RemoteDeviceList | undefined {
  const devices = ownOf(answer.device_keys, userId)
  const [master, selfSigning] = [ownOf(answer.master_keys, userId), ownOf(answer.self_signing_keys, userId)]
  return devices && { devices, ...(master && { master }), ...(selfSigning && { selfSigning }) }
}

/** @param wanted devices that are asked for; none: all */
export function addToAnswer(
  answer: QueriedKeys,
  userId: UserId,
  list: RemoteDeviceList,
  wanted: readonly DeviceId[],
): void {
  const { devices, master, selfSigning } = list
  const some = wanted.flatMap((id) => (Object.hasOwn(devices, id) ? [[id, devices[id]!] as const] : []))
  answer.device_keys[userId] = wanted.length > 0 ? Object.fromEntries(some) : { ...devices }
  if (master) answer.master_keys[userId] = master
  if (selfSigning) answer.self_signing_keys[userId] = selfSigning
}

/** With a `m.device_list_update`; undefined where it does not stand on what is here, or leads to too many devices. */
export function withUpdate(list: RemoteDeviceList, userId: UserId, update: JsonObject): RemoteDeviceList | undefined {
  const { stream_id: streamId, prev_id: prev = [], device_id: deviceId } = update
  if (!Number.isSafeInteger(streamId) || typeof deviceId !== 'string' || !Array.isArray(prev)) return undefined
  const isNext =
    list.streamId !== undefined && (prev.length > 0 ? prev.every((id) => id === list.streamId) : list.streamId === 0)
  if (!isNext) return undefined
  const { [deviceId]: _before, ...others } = list.devices
  const devices: Record<string, JsonObject> = others
  const keys = update.deleted === true ? undefined : shownKeys(update, userId, deviceId)
  if (keys) setOwn(devices, deviceId, keys)
  return Object.keys(devices).length > maxDevicesOfUser ? undefined : { ...list, streamId: streamId as number, devices }
}

/** With a `m.signing_key_update`, which says all of the keys that there are; undefined for what is none. */
export function withSigningKeys(
  list: RemoteDeviceList,
  userId: UserId,
  update: JsonObject,
): RemoteDeviceList | undefined {
  const { master_key, self_signing_key } = update
  const master = parseCrossSigningKey(master_key, userId, 'master')
  const selfSigning = parseCrossSigningKey(self_signing_key, userId, 'self_signing')
  if ((master_key !== undefined && !master) || (self_signing_key !== undefined && !selfSigning)) return undefined
  const { streamId, devices } = list
  return {
    ...(streamId === undefined ? {} : { streamId }),
    devices,
    ...(master && { master }),
    ...(selfSigning && { selfSigning }),
  }
}

/** Keys of a device with the name that its server has for it, as key queries have them. */
function shownKeys(
  { keys: given, device_display_name: name }: JsonObject,
  userId: UserId,
  deviceId: unknown,
): JsonObject | undefined {
  const keys = typeof deviceId === 'string' ? parseDeviceKeys(given, userId, deviceId) : undefined
  return keys && { ...keys, unsigned: typeof name === 'string' ? { device_display_name: name } : {} }
}

/** `__proto__` is a device ID like any other. */
function setOwn(devices: Record<string, JsonObject>, deviceId: string, keys: JsonObject): void {
  Object.defineProperty(devices, deviceId, { value: keys, enumerable: true, configurable: true, writable: true })
}

const ownOf = <T>(byUser: Record<string, T>, userId: UserId): T | undefined =>
  Object.hasOwn(byUser, userId) ? byUser[userId] : undefined
