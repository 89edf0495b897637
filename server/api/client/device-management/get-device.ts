/**
 * GET /_matrix/client/v3/devices/{deviceId} (operationId `getDevice`)
 *
 * One of the user's devices.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devicesdeviceid
 */
import { Type } from 'typebox'
import type { ManageDevices } from '../../../devices/manage-devices.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import { DeviceSchema } from './device-schema.js'

type Needs = Pick<ManageDevices, 'readOwnDevice'>

export const getDeviceEndpoint = defineEndpoint({
  operationId: 'getDevice',
  method: 'GET',
  path: '/_matrix/client/v3/devices/:deviceId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ deviceId: DeviceIdSchema }),
  response: DeviceSchema,
  errors: ['M_NOT_FOUND'],
  handle: ({ params, requester }, hs: Needs) => hs.readOwnDevice(requester.userId, params.deviceId),
})
