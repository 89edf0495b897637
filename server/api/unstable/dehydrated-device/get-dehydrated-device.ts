/**
 * GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device
 *
 * What is needed to become the device that was left behind.
 *
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
import { Type } from 'typebox'
import type { DehydratedDevices } from '../../../encryption/dehydrated-device.js'
import type { JsonObject } from '../../../events/pdu.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<DehydratedDevices, 'readDehydratedDevice'>

export const getDehydratedDeviceEndpoint = defineEndpoint({
  operationId: 'getDehydratedDevice',
  method: 'GET',
  path: '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device',
  auth: 'access-token',
  response: Type.Object({
    device_id: DeviceIdSchema,
    device_data: Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true })),
  }),
  errors: ['M_NOT_FOUND'],
  handle: ({ requester }, hs: Needs) => hs.readDehydratedDevice(requester.userId),
})
