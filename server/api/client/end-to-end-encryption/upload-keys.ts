/**
 * POST /_matrix/client/v3/keys/upload (operationId `uploadKeys`)
 *
 * Publishes identity keys, one-time keys and fallback keys of the requester's device.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysupload
 */
import { Type } from 'typebox'
import type { UploadKeys } from '../../../encryption/upload-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { DeviceKeysSchema, NamedKeysSchema } from './key-schemas.js'

type Needs = { uploadKeys: UploadKeys }

export const uploadKeysEndpoint = defineEndpoint({
  operationId: 'uploadKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/upload',
  auth: 'access-token',
  guests: true,
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({
    device_keys: Type.Optional(Type.Unsafe<Parameters<UploadKeys>[1]['device_keys']>(DeviceKeysSchema)),
    one_time_keys: Type.Optional(NamedKeysSchema),
    fallback_keys: Type.Optional(NamedKeysSchema),
  }),
  response: Type.Object({ one_time_key_counts: Type.Record(Type.String(), Type.Integer()) }),
  errors: ['M_BAD_JSON', 'M_TOO_LARGE', 'M_UNKNOWN', 'M_UNKNOWN_TOKEN'],
  handle: async ({ body, requester }, hs: Needs) => ({ one_time_key_counts: await hs.uploadKeys(requester, body) }),
})
