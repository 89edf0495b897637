/**
 * POST /_matrix/federation/v1/user/keys/query (operationId `queryUserEncryptionKeys`)
 *
 * Devices of users of this server and the keys by which they are known.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
 */
import { Type } from 'typebox'
import type { QueryKeys } from '../../../encryption/query-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { DeviceId } from '../../../kernel/identifiers.js'
import { byUser } from '../../client/end-to-end-encryption/key-schemas.js'

type Needs = Pick<QueryKeys, 'queryLocalKeys'>

export const queryUserEncryptionKeysEndpoint = defineEndpoint({
  operationId: 'queryUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/query',
  auth: 'signed',
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({ device_keys: Type.Record(Type.String(), Type.Array(Type.String())) }),
  response: Type.Object(
    { device_keys: Type.Object({}, { additionalProperties: true }) },
    { additionalProperties: true },
  ),
  handle: ({ body }, hs: Needs) => hs.queryLocalKeys(byUser(body.device_keys, (deviceIds) => deviceIds as DeviceId[])),
})
