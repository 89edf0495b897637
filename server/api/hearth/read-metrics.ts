/**
 * GET /metrics (operationId `readMetrics`)
 *
 * Prometheus metrics, for whoever shows `metrics.token` or the access token of an administrator.
 */
import { accessTokenOf, missingToken } from '../../http/access-token.js'
import { defineEndpoint } from '../../http/endpoint.js'
import type { HttpMetrics } from '../../http/metrics.js'
import { raw } from '../../http/reply.js'
import { forbidden } from '../../kernel/errors.js'
import type { Authenticate } from '../../users/authenticate.js'
import { isSameSecret } from '../../users/setup-secret.js'

type Needs = { metrics: HttpMetrics; metricsToken: string | undefined; authenticate: Authenticate }

export const readMetricsEndpoint = defineEndpoint({
  operationId: 'readMetrics',
  method: 'GET',
  path: '/metrics',
  auth: 'none',
  rateLimit: 'none',
  errors: ['M_MISSING_TOKEN', 'M_UNKNOWN_TOKEN', 'M_FORBIDDEN'],
  async handle({ headers, ip }, hs: Needs) {
    const token = accessTokenOf(headers.authorization, {})
    if (token === undefined) throw missingToken()
    const isMonitor = hs.metricsToken !== undefined && isSameSecret(token, hs.metricsToken)
    if (!isMonitor && !(await hs.authenticate(token, { ip, evenIfLocked: false })).isAdmin)
      throw forbidden('Only administrators may ask for that.')
    const { registry } = hs.metrics
    return raw(200, await registry.metrics(), { 'content-type': registry.contentType })
  },
})
