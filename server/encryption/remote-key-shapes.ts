/**
 * Keys as other servers tell them, read from hostile input: what is not of the user and device it is named for, or of a wrong
 * shape, is left out; the rest is passed on as it came, because it is signed. How much is read of an answer is bounded.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import type { CrossSigningKey } from './key-bundles.js'
import type { DeviceKeys, KeyObject } from './key-shapes.js'

/** Devices of one user; more are nobody's. */
export const maxDevicesOfUser = 1_000

const isText = (value: unknown): value is string => typeof value === 'string'
const isMapOfTexts = (value: unknown): value is Record<string, string> =>
  isJsonObject(value) && Object.values(value).every(isText)
const isSignatures = (value: unknown): boolean => isJsonObject(value) && Object.values(value).every(isMapOfTexts)

/** Undefined for anything that is not keys of that user's device. */
export function parseDeviceKeys(value: unknown, userId: UserId, deviceId: string): DeviceKeys | undefined {
  if (!isJsonObject(value) || value.user_id !== userId || value.device_id !== deviceId) return undefined
  const { algorithms, keys, signatures } = value
  if (!Array.isArray(algorithms) || !algorithms.every(isText) || !isMapOfTexts(keys) || !isSignatures(signatures))
    return undefined
  return value as DeviceKeys
}

export function parseCrossSigningKey(value: unknown, userId: UserId, usage: string): CrossSigningKey | undefined {
  if (!isJsonObject(value) || value.user_id !== userId) return undefined
  if (!Array.isArray(value.usage) || !value.usage.every(isText) || !value.usage.includes(usage)) return undefined
  if (!isMapOfTexts(value.keys) || Object.keys(value.keys).length !== 1) return undefined
  return value.signatures === undefined || isSignatures(value.signatures) ? (value as CrossSigningKey) : undefined
}

/** A device's entry in the answer of a key query, with what its server says of its name. */
export function parseQueriedDevices(value: unknown, userId: UserId): Record<string, JsonObject> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, maxDevicesOfUser)
      .flatMap(([deviceId, given]) => {
        const keys = parseDeviceKeys(given, userId, deviceId)
        if (!keys) return []
        const { unsigned } = keys
        const name = isJsonObject(unsigned) ? unsigned.device_display_name : undefined
        return [[deviceId, { ...keys, unsigned: isText(name) ? { device_display_name: name } : {} }]]
      }),
  )
}

/** The key that was claimed of a device, by its name: one, of the algorithm that was asked for. */
export function parseClaimedKey(value: unknown, algorithm: string): Record<string, KeyObject> | undefined {
  if (!isJsonObject(value)) return undefined
  const [entry] = Object.entries(value)
  if (!entry?.[0].startsWith(`${algorithm}:`)) return undefined
  const [name, key] = entry
  const isKey = isText(key) || (isJsonObject(key) && isText(key.key))
  return isKey ? { [name]: key as KeyObject } : undefined
}
