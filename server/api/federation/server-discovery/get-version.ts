/**
 * GET /_matrix/federation/v1/version (operationId `getVersion`)
 *
 * What software this server runs.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

type Needs = { readonly softwareVersion: string }

export const getVersionEndpoint = defineEndpoint({
  operationId: 'getVersion',
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  auth: 'none',
  response: Type.Object({ server: Type.Object({ name: Type.String(), version: Type.String() }) }),
  handle: (_request, hs: Needs) => ({ server: { name: 'Hearth', version: hs.softwareVersion } }),
})
