/**
 * GET /.well-known/matrix/server (operationId `getWellKnown`)
 *
 * Where other servers find this one, given only its name. The public address serves every Matrix path, so it is
 * the one; without it they use the port of the server name.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#getwellknownmatrixserver
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { notFound } from '../../kernel/errors.js'

type Needs = { publicBaseUrl: string | undefined; federates: boolean }

export const getWellKnownServerEndpoint = defineEndpoint({
  operationId: 'getWellKnown',
  method: 'GET',
  path: '/.well-known/matrix/server',
  auth: 'none',
  response: Type.Object({ 'm.server': Type.String() }),
  errors: ['M_NOT_FOUND'],
  handle(_request, hs: Needs) {
    const url = hs.publicBaseUrl === undefined ? undefined : new URL(hs.publicBaseUrl)
    if (!hs.federates || url?.protocol !== 'https:') throw notFound('This server delegates nothing.')
    return { 'm.server': `${url.hostname}:${url.port || '443'}` }
  },
})
