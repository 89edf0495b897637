/** A device as its owner sees it. Spec: https://spec.matrix.org/v1.19/client-server-api/#device-management */
import { Type } from 'typebox'

/** What a user calls a device. */
export const DeviceNameSchema = Type.String({ maxLength: 100 })

export const DeviceSchema = Type.Object({
  device_id: Type.String(),
  display_name: Type.Optional(Type.String()),
  last_seen_ip: Type.Optional(Type.String()),
  last_seen_ts: Type.Optional(Type.Integer()),
})
