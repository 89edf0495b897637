/**
 * PUT /_matrix/client/v3/devices/{deviceId} (operationId `updateDevice`)
 *
 * Names one of the user's devices; an application service makes those of its users so.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3devicesdeviceid
 */
import { Type } from 'typebox'
import type { ManageDevices } from '../../../devices/manage-devices.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { json } from '../../../http/reply.js'
import { DeviceIdSchema } from '../../../kernel/identifiers.js'
import { DeviceNameSchema } from './device-schema.js'

type Needs = Pick<ManageDevices, 'readOwnDevice' | 'renameDevice' | 'createDevice'>

export const updateDeviceEndpoint = defineEndpoint({
  operationId: 'updateDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/devices/:deviceId',
  auth: 'access-token',
  guests: true,
  params: Type.Object({ deviceId: DeviceIdSchema }),
  body: Type.Object({ display_name: Type.Optional(Type.Union([DeviceNameSchema, Type.Null()])) }),
  response: Type.Object({}),
  errors: ['M_NOT_FOUND'],
  async handle({ params, body, requester }, hs: Needs) {
    const deviceId = params.deviceId
    if (requester.appservice) {
      const isNew = await hs.createDevice(requester.userId, deviceId, body.display_name ?? undefined)
      return isNew ? json(201, {}) : {}
    }
    if (body.display_name === undefined) await hs.readOwnDevice(requester.userId, deviceId)
    else await hs.renameDevice(requester.userId, deviceId, body.display_name ?? undefined)
    return {}
  },
})
