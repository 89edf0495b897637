/**
 * POST /_matrix/client/v3/keys/claim (operationId `claimKeys`)
 *
 * Takes a one-time key of each of the devices named, for a conversation with it to begin by.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
 */
import { Type } from 'typebox'
import type { ClaimKeys } from '../../../encryption/claim-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { DeviceId } from '../../../kernel/identifiers.js'
import { byUser, readTimeout, TimeoutSchema } from './key-schemas.js'

type Needs = Pick<ClaimKeys, 'claimKeys'>

export const claimKeysEndpoint = defineEndpoint({
  operationId: 'claimKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/claim',
  auth: 'access-token',
  guests: true,
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({
    timeout: TimeoutSchema,
    one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  }),
  response: Type.Object(
    { one_time_keys: Type.Object({}, { additionalProperties: true }) },
    { additionalProperties: true },
  ),
  errors: ['M_TOO_LARGE'],
  handle: ({ body }, hs: Needs) =>
    hs.claimKeys(
      byUser(body.one_time_keys, (devices) => new Map(Object.entries(devices) as [DeviceId, string][])),
      readTimeout(body.timeout),
    ),
})
