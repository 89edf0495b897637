/** Our own endpoints for signed-in users and administrators. */
import { issueLiveTokenEndpoint } from './issue-live-token.js'
import { listReportsEndpoint } from './list-reports.js'
import { readMetricsHistoryEndpoint } from './read-metrics-history.js'
import { readServerInfoEndpoint } from './read-server-info.js'
import { removeReportEndpoint } from './remove-report.js'

export const hearthEndpoints = [
  issueLiveTokenEndpoint,
  readServerInfoEndpoint,
  readMetricsHistoryEndpoint,
  listReportsEndpoint,
  removeReportEndpoint,
] as const
