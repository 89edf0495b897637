/**
 * GET /_matrix/client/v3/voip/turnServer (operationId `getTurnServer`)
 *
 * Where and with which password the requester's calls may be relayed. Without a TURN server it is 404, and clients try
 * without one.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { notFound } from '../../../kernel/errors.js'
import type { MakeTurnCredentials } from '../../../users/turn-credentials.js'

type Needs = { makeTurnCredentials: MakeTurnCredentials }

export const getTurnServerEndpoint = defineEndpoint({
  operationId: 'getTurnServer',
  method: 'GET',
  path: '/_matrix/client/v3/voip/turnServer',
  auth: 'access-token',
  response: Type.Object({
    username: Type.String(),
    password: Type.String(),
    uris: Type.Array(Type.String()),
    ttl: Type.Integer(),
  }),
  errors: ['M_NOT_FOUND'],
  handle({ requester }, hs: Needs) {
    const credentials = hs.makeTurnCredentials(requester.userId)
    if (!credentials) throw notFound('This server has no TURN server')
    return credentials
  },
})
