/**
 * GET /.well-known/matrix/server (operationId `getWellKnown`)
 *
 * Tells other servers where this one takes federation requests, where that is not at port 8448 of its
 * name: at `public_baseurl`, which serves every Matrix path.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { notFound } from '../../kernel/errors.js'

/** `host:port` of `public_baseurl`; undefined where nothing is delegated. */
type Needs = { readonly federationDelegate: string | undefined }

export const getWellKnownServerEndpoint = defineEndpoint({
  operationId: 'getWellKnown',
  method: 'GET',
  path: '/.well-known/matrix/server',
  auth: 'none',
  rateLimit: 'none',
  response: Type.Object({ 'm.server': Type.String() }),
  errors: ['M_NOT_FOUND'],
  handle(_request, hs: Needs) {
    if (hs.federationDelegate === undefined) throw notFound('This server is found by its name.')
    return { 'm.server': hs.federationDelegate }
  },
})
