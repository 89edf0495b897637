/**
 * POST /_matrix/client/v3/keys/query (operationId `queryKeys`)
 *
 * The devices of users and the keys by which they are known, of this server and of others.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
import { Type } from 'typebox'
import type { QueryKeys } from '../../../encryption/query-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { DeviceId } from '../../../kernel/identifiers.js'
import { byUser, readTimeout, TimeoutSchema } from './key-schemas.js'

type Needs = Pick<QueryKeys, 'queryKeys'>

export const queryKeysEndpoint = defineEndpoint({
  operationId: 'queryKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/query',
  auth: 'access-token',
  guests: true,
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({
    timeout: TimeoutSchema,
    device_keys: Type.Record(Type.String(), Type.Array(Type.String())),
  }),
  response: Type.Object(
    { device_keys: Type.Object({}, { additionalProperties: true }) },
    { additionalProperties: true },
  ),
  handle: ({ body, requester }, hs: Needs) =>
    hs.queryKeys(
      requester.userId,
      byUser(body.device_keys, (deviceIds) => deviceIds as DeviceId[]),
      readTimeout(body.timeout),
    ),
})
