/**
 * All devices of a user of this server and what vouches for them, as other servers keep them.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid
 */
import type { JsonObject } from '../events/pdu.js'
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { readStreamId } from '../store/device-stream-store.js'
import type { Database } from '../store/reader.js'
import { type ReadKeyBundles, shownCrossSigningKey, shownDeviceKeys } from './key-bundles.js'

export type UserDevicesAnswer = {
  user_id: UserId
  stream_id: number
  devices: { device_id: DeviceId; keys: JsonObject; device_display_name?: string }[]
  master_key?: JsonObject
  self_signing_key?: JsonObject
}
export type ReadUserDevices = (userId: UserId) => Promise<UserDevicesAnswer>

export function makeReadUserDevices(needs: { db: Database; readKeyBundles: ReadKeyBundles }): ReadUserDevices {
  return async (userId) => {
    // The stream first: what changes after it is told as an update to it.
    const streamId = await readStreamId(needs.db, userId)
    const bundle = (await needs.readKeyBundles([userId])).get(userId)!
    const master = shownCrossSigningKey(bundle, 'master', undefined)
    const selfSigning = shownCrossSigningKey(bundle, 'self_signing', undefined)
    return {
      user_id: userId,
      stream_id: streamId,
      devices: [...bundle.devices].flatMap(([device_id, { displayName }]) => {
        const keys = shownDeviceKeys(bundle, device_id, undefined)
        return keys ? [{ device_id, keys, ...(displayName !== undefined && { device_display_name: displayName }) }] : []
      }),
      ...(master && { master_key: master }),
      ...(selfSigning && { self_signing_key: selfSigning }),
    }
  }
}
