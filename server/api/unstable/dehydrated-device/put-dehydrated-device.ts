/**
 * PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device
 *
 * Leaves a device behind that takes messages while the user is logged in nowhere, in place of the one before.
 *
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
import { Type } from 'typebox'
import type { DehydratedDevices } from '../../../encryption/dehydrated-device.js'
import type { UploadedKeys } from '../../../encryption/upload-keys.js'
import type { JsonObject } from '../../../events/pdu.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import { DeviceKeysSchema, NamedKeysSchema } from '../../client/end-to-end-encryption/key-schemas.js'

type Needs = Pick<DehydratedDevices, 'putDehydratedDevice'>

export const putDehydratedDeviceEndpoint = defineEndpoint({
  operationId: 'putDehydratedDevice',
  method: 'PUT',
  path: '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device',
  auth: 'access-token',
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({
    device_id: DeviceIdSchema,
    device_data: Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true })),
    initial_device_display_name: Type.Optional(Type.String({ maxLength: 100 })),
    device_keys: Type.Unsafe<UploadedKeys['device_keys']>(DeviceKeysSchema),
    one_time_keys: Type.Optional(NamedKeysSchema),
    fallback_keys: Type.Optional(NamedKeysSchema),
  }),
  response: Type.Object({ device_id: DeviceIdSchema }),
  errors: ['M_BAD_JSON', 'M_INVALID_PARAM', 'M_TOO_LARGE'],
  async handle({ body, requester }, hs: Needs) {
    await hs.putDehydratedDevice(requester.userId, body)
    return { device_id: body.device_id }
  },
})
