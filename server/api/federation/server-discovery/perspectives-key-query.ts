/**
 * GET /_matrix/key/v2/query/{serverName} (operationId `perspectivesKeyQuery`)
 *
 * Another server's keys, signed by this one as a notary.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2queryservername
 */
import { Type } from 'typebox'
import type { QueryServerKeys } from '../../../federation/query-server-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { ServerNameSchema } from '../../../kernel/identifiers.js'

type Needs = { queryServerKeys: QueryServerKeys }

export const perspectivesKeyQueryEndpoint = defineEndpoint({
  operationId: 'perspectivesKeyQuery',
  method: 'GET',
  path: '/_matrix/key/v2/query/:serverName',
  auth: 'none',
  params: Type.Object({ serverName: ServerNameSchema }),
  query: Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) }),
  response: Type.Object({ server_keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  async handle({ params, query }, hs: Needs) {
    const wanted = new Map([[params.serverName, query.minimum_valid_until_ts]])
    return { server_keys: await hs.queryServerKeys(wanted) }
  },
})
