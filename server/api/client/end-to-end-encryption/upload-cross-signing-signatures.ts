/**
 * POST /_matrix/client/v3/keys/signatures/upload (operationId `uploadCrossSigningSignatures`)
 *
 * Publishes signatures on one's own keys, and on other people's master keys for oneself. What is wrong with one is told beside
 * it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
import { Type } from 'typebox'
import type { SignedKeys, UploadSignatures } from '../../../encryption/upload-signatures.js'
import { defineEndpoint } from '../../../http/endpoint.js'

type Needs = { uploadSignatures: UploadSignatures }

export const uploadCrossSigningSignaturesEndpoint = defineEndpoint({
  operationId: 'uploadCrossSigningSignatures',
  method: 'POST',
  path: '/_matrix/client/v3/keys/signatures/upload',
  auth: 'access-token',
  maxBodyBytes: 2 * 1024 * 1024,
  body: Type.Unsafe<SignedKeys>(
    Type.Record(Type.String(), Type.Record(Type.String(), Type.Object({}, { additionalProperties: true }))),
  ),
  response: Type.Object({ failures: Type.Object({}, { additionalProperties: true }) }),
  errors: ['M_TOO_LARGE'],
  handle: async ({ body, requester }, hs: Needs) => ({ failures: await hs.uploadSignatures(requester.userId, body) }),
})
