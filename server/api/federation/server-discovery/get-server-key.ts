/**
 * GET /_matrix/key/v2/server (operationId `getServerKey`)
 *
 * The keys with which this server signs, signed by themselves. The older form with a key ID in the
 * path gets the same answer.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { PublishServerKeys } from '../../../keys/server-keys-document.js'

type Needs = { publishServerKeys: PublishServerKeys }

export const getServerKeyEndpoint = defineEndpoint({
  operationId: 'getServerKey',
  method: 'GET',
  path: ['/_matrix/key/v2/server', '/_matrix/key/v2/server/:keyId'],
  auth: 'none',
  response: Type.Record(Type.String(), Type.Unknown()),
  handle: (_request, hs: Needs) => ({ ...hs.publishServerKeys() }),
})
