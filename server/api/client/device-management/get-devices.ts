/**
 * GET /_matrix/client/v3/devices (operationId `getDevices`)
 *
 * The user's devices.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3devices
 */
import { Type } from 'typebox'
import type { ManageDevices } from '../../../devices/manage-devices.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceSchema } from './device-schema.js'

type Needs = Pick<ManageDevices, 'listDevices'>

export const getDevicesEndpoint = defineEndpoint({
  operationId: 'getDevices',
  method: 'GET',
  path: '/_matrix/client/v3/devices',
  auth: 'access-token',
  guests: true,
  response: Type.Object({ devices: Type.Array(DeviceSchema) }),
  handle: async ({ requester }, hs: Needs) => ({ devices: await hs.listDevices(requester.userId) }),
})
