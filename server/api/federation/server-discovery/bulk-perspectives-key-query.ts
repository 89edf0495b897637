/**
 * POST /_matrix/key/v2/query (operationId `bulkPerspectivesKeyQuery`)
 *
 * The keys of several servers, signed by this one as a notary. Servers of which nothing is known are
 * left out.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query
 */
import { Type } from 'typebox'
import { maxServersPerQuery, type QueryServerKeys } from '../../../federation/query-server-keys.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { invalidParam } from '../../../kernel/errors.js'
import { parseServerName, type ServerName } from '../../../kernel/identifiers.js'

type Needs = { queryServerKeys: QueryServerKeys }

const Criteria = Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) })

export const bulkPerspectivesKeyQueryEndpoint = defineEndpoint({
  operationId: 'bulkPerspectivesKeyQuery',
  method: 'POST',
  path: '/_matrix/key/v2/query',
  auth: 'none',
  maxBodyBytes: 256 * 1024,
  body: Type.Object({ server_keys: Type.Record(Type.String(), Type.Record(Type.String(), Criteria)) }),
  response: Type.Object({ server_keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
  errors: ['M_INVALID_PARAM'],
  async handle({ body }, hs: Needs) {
    const wanted = new Map<ServerName, number | undefined>()
    for (const [name, byKey] of Object.entries(body.server_keys)) {
      const serverName = parseServerName(name)
      if (!serverName) throw invalidParam('server_keys names something that is not a server.')
      const times = Object.values(byKey).flatMap(({ minimum_valid_until_ts: ts }) => (ts === undefined ? [] : [ts]))
      wanted.set(serverName, times.length === 0 ? undefined : Math.max(...times))
    }
    if (wanted.size > maxServersPerQuery) throw invalidParam(`At most ${maxServersPerQuery} servers at once.`)
    return { server_keys: await hs.queryServerKeys(wanted) }
  },
})
