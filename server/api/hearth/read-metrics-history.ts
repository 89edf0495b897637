/**
 * GET /_hearth/admin/v1/metrics_history (operationId `readMetricsHistory`)
 *
 * The samples of the last hour, one a second, for who begins to look now: the live table `server_metrics` tells what comes.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { historyFields, type MetricsHistory } from '../../live/metrics-history.js'

type Needs = { metricsHistory: Pick<MetricsHistory, 'since'> }

export const readMetricsHistoryEndpoint = defineEndpoint({
  operationId: 'readMetricsHistory',
  method: 'GET',
  path: '/_hearth/admin/v1/metrics_history',
  auth: 'admin',
  query: Type.Object({
    /** Milliseconds since the epoch; samples after it only. */
    since: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
  response: Type.Object({
    /** Names of the numbers of a sample, as in `server_metrics`. */
    fields: Type.Array(Type.String()),
    /** Oldest first. */
    samples: Type.Array(Type.Array(Type.Number())),
  }),
  async handle({ query: { since = 0 } }, hs: Needs) {
    return { fields: [...historyFields], samples: hs.metricsHistory.since(since) }
  },
})
