/**
 * POST /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{deviceId}/events
 *
 * The messages to the device that was left behind, some at a time; those before `next_batch` are deleted.
 *
 * Spec: https://github.com/matrix-org/matrix-spec-proposals/pull/3814
 */
import { Type } from 'typebox'
import type { DehydratedDevices } from '../../../encryption/dehydrated-device.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'

type Needs = Pick<DehydratedDevices, 'readDehydratedEvents'>

export const getDehydratedDeviceEventsEndpoint = defineEndpoint({
  operationId: 'getDehydratedDeviceEvents',
  method: 'POST',
  path: '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/:deviceId/events',
  auth: 'access-token',
  params: Type.Object({ deviceId: DeviceIdSchema }),
  body: Type.Object({ next_batch: Type.Optional(Type.String()) }),
  response: Type.Object({ events: Type.Array(Type.Unknown()), next_batch: Type.String() }),
  errors: ['M_NOT_FOUND', 'M_INVALID_PARAM'],
  handle: ({ params, body, requester }, hs: Needs) =>
    hs.readDehydratedEvents(requester.userId, params.deviceId, body.next_batch),
})
