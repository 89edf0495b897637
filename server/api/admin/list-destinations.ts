/**
 * GET /_synapse/admin/v1/federation/destinations (operationId `listDestinations`)
 *
 * The other servers this one sends to, and how that goes.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/index.html
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'

type Needs = {
  /** How each server has been doing. Times in milliseconds since the epoch. */
  readDestinations(): Promise<{ server_name: string; failures: number; retry_at: number; last_failure_at: number }[]>
}

export const listDestinationsEndpoint = defineEndpoint({
  operationId: 'listDestinations',
  method: 'GET',
  path: '/_synapse/admin/v1/federation/destinations',
  auth: 'admin',
  query: Type.Object({
    from: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    destination: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    destinations: Type.Array(
      Type.Object({
        destination: Type.String(),
        retry_last_ts: Type.Integer(),
        retry_interval: Type.Integer(),
        failure_ts: Type.Union([Type.Integer(), Type.Null()]),
        last_successful_stream_ordering: Type.Null(),
      }),
    ),
    total: Type.Integer(),
    next_token: Type.Optional(Type.String()),
  }),
  async handle({ query: { from = 0, limit = 100, destination = '' } }, hs: Needs) {
    const all = (await hs.readDestinations())
      .filter(({ server_name }) => server_name.includes(destination))
      .sort((a, b) => (a.server_name < b.server_name ? -1 : 1))
    const page = all.slice(from, from + limit)
    const next = from + page.length
    return {
      destinations: page.map((row) => ({
        destination: row.server_name,
        retry_last_ts: row.failures > 0 ? row.last_failure_at : 0,
        retry_interval: Math.max(0, row.retry_at - row.last_failure_at),
        failure_ts: row.failures > 0 ? row.last_failure_at : null,
        last_successful_stream_ordering: null,
      })),
      total: all.length,
      ...(next < all.length && { next_token: String(next) }),
    }
  },
})
