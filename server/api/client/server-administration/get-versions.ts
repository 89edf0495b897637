/**
 * GET /_matrix/client/versions (operationId `getVersions`)
 *
 * The versions of the specification this server follows, and what it has that is in none of them yet.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

/** v1.1 to v1.17: as far as everything that a version has added is here (`docs/conformance.md`, which a test compares). */
const versions = Array.from({ length: 17 }, (_, minor) => `v1.${minor + 1}`)

/** MSC3814: dehydrated devices. MSC4186: simplified sliding sync. */
const unstable_features = { 'org.matrix.msc3814': true, 'org.matrix.simplified_msc3575': true }

export const getVersionsEndpoint = defineEndpoint({
  operationId: 'getVersions',
  method: 'GET',
  path: '/_matrix/client/versions',
  auth: 'none',
  rateLimit: 'none',
  response: Type.Object({
    versions: Type.Array(Type.String()),
    unstable_features: Type.Record(Type.String(), Type.Boolean()),
  }),
  handle: () => ({ versions, unstable_features }),
})
