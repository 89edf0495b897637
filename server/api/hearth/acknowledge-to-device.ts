/**
 * POST /_hearth/client/v1/to_device/acknowledge (operationId `acknowledgeToDevice`)
 *
 * A device that reads its messages live (`to_device`, docs/live-api.md) says up to where it has handled them for good; they
 * are deleted before the answer.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { MatrixError } from '../../kernel/errors.js'
import type { Device } from '../../sync/to-device-inbox.js'

type Needs = {
  /** @returns false where the server has not come to that position yet */
  acknowledgeToDevice(device: Device, upTo: number): Promise<boolean>
}

export const acknowledgeToDeviceEndpoint = defineEndpoint({
  operationId: 'acknowledgeToDevice',
  method: 'POST',
  path: '/_hearth/client/v1/to_device/acknowledge',
  auth: 'access-token',
  body: Type.Object({ up_to: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) }),
  response: Type.Object({}),
  errors: ['M_UNKNOWN_POS'],
  async handle({ body, requester: { userId, deviceId } }, hs: Needs) {
    if (!(await hs.acknowledgeToDevice({ userId, deviceId }, body.up_to)))
      throw new MatrixError(
        400,
        'M_UNKNOWN_POS',
        'This server has not come to that position: its data is an older copy.',
      )
    return {}
  },
})
