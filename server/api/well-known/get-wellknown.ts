/**
 * GET /.well-known/matrix/client (operationId `getWellknown`)
 *
 * Where clients find this server, given only its name. 404 unless `public_baseurl` is configured: clients then
 * use the address they were given.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { notFound } from '../../kernel/errors.js'

type Needs = { publicBaseUrl: string | undefined }

export const getWellknownEndpoint = defineEndpoint({
  operationId: 'getWellknown',
  method: 'GET',
  path: '/.well-known/matrix/client',
  auth: 'none',
  response: Type.Object({ 'm.homeserver': Type.Object({ base_url: Type.String() }) }),
  errors: ['M_NOT_FOUND'],
  handle(_request, hs: Needs) {
    if (hs.publicBaseUrl === undefined) throw notFound('This server announces no address.')
    return { 'm.homeserver': { base_url: hs.publicBaseUrl } }
  },
})
