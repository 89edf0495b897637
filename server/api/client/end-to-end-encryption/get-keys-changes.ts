/**
 * GET /_matrix/client/v3/keys/changes (operationId `getKeysChanges`)
 *
 * Whose devices changed between two syncs.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import type { ReadKeyChanges } from '../../../sync/key-changes.js'

type Needs = { readKeyChanges: ReadKeyChanges }

export const getKeysChangesEndpoint = defineEndpoint({
  operationId: 'getKeysChanges',
  method: 'GET',
  path: '/_matrix/client/v3/keys/changes',
  auth: 'access-token',
  query: Type.Object({ from: Type.String(), to: Type.String() }),
  response: Type.Object({ changed: Type.Array(Type.String()), left: Type.Array(Type.String()) }),
  errors: ['M_INVALID_PARAM', 'M_UNKNOWN_POS'],
  handle: ({ query, requester }, hs: Needs) => hs.readKeyChanges(requester.userId, query.from, query.to),
})
