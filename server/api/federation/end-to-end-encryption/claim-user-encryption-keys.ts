/**
 * POST /_matrix/federation/v1/user/keys/claim (operationId `claimUserEncryptionKeys`)
 *
 * Takes a one-time key of each of the devices named, for a conversation with it to begin by.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim
 */
import { Type } from 'typebox'
import type { ClaimKeys } from '../../../encryption/claim-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { DeviceId } from '../../../kernel/identifiers.js'
import { byUser } from '../../client/end-to-end-encryption/key-schemas.js'

type Needs = Pick<ClaimKeys, 'claimLocalKeys'>

export const claimUserEncryptionKeysEndpoint = defineEndpoint({
  operationId: 'claimUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/claim',
  auth: 'signed',
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Object({ one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())) }),
  response: Type.Object({ one_time_keys: Type.Object({}, { additionalProperties: true }) }),
  errors: ['M_TOO_LARGE'],
  async handle({ body }, hs: Needs) {
    const wanted = byUser(body.one_time_keys, (devices) => new Map(Object.entries(devices) as [DeviceId, string][]))
    return { one_time_keys: await hs.claimLocalKeys(wanted) }
  },
})
