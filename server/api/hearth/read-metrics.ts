/**
 * GET /metrics (operationId `readMetrics`)
 *
 * Prometheus metrics, for programs on this machine and for administrators.
 */
import { defineEndpoint } from '../../http/endpoint.js'
import type { HttpMetrics } from '../../http/metrics.js'
import { raw } from '../../http/reply.js'
import { forbidden } from '../../kernel/errors.js'

type Needs = { metrics: HttpMetrics }

export const readMetricsEndpoint = defineEndpoint({
  operationId: 'readMetrics',
  method: 'GET',
  path: '/metrics',
  auth: 'optional',
  rateLimit: 'none',
  errors: ['M_FORBIDDEN'],
  async handle({ requester, isLoopback }, hs: Needs) {
    if (!isLoopback && !requester?.isAdmin) throw forbidden('Only this machine and administrators may ask for that.')
    const { registry } = hs.metrics
    return raw(200, await registry.metrics(), { 'content-type': registry.contentType })
  },
})
