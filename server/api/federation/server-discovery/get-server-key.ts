/**
 * GET /_matrix/key/v2/server (operationId `getServerKey`)
 *
 * The keys with which this server signs, signed by themselves, in canonical JSON: what goes out is what was signed. The
 * older form with a key ID in the path gets the same answer.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
 */
import { canonicalJson } from '../../../events/canonical-json.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { raw } from '../../../http/reply.js'
import type { PublishServerKeys } from '../../../keys/server-keys-document.js'

type Needs = { publishServerKeys: PublishServerKeys }

export const getServerKeyEndpoint = defineEndpoint({
  operationId: 'getServerKey',
  method: 'GET',
  path: ['/_matrix/key/v2/server', '/_matrix/key/v2/server/:keyId'],
  auth: 'none',
  handle: (_request, hs: Needs) =>
    raw(200, Buffer.from(canonicalJson(hs.publishServerKeys())), { 'content-type': 'application/json' }),
})
