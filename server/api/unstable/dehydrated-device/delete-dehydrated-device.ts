/**
 * DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device
 *
 * Deletes the device that was left behind.
 *
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
import { Type } from 'typebox'
import type { DehydratedDevices } from '../../../encryption/dehydrated-device.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<DehydratedDevices, 'deleteDehydratedDevice'>

export const deleteDehydratedDeviceEndpoint = defineEndpoint({
  operationId: 'deleteDehydratedDevice',
  method: 'DELETE',
  path: '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device',
  auth: 'access-token',
  response: Type.Object({ device_id: DeviceIdSchema }),
  errors: ['M_NOT_FOUND'],
  handle: async ({ requester }, hs: Needs) => ({ device_id: await hs.deleteDehydratedDevice(requester.userId) }),
})
