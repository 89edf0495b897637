/**
 * Prometheus metrics of one homeserver: a registry, and what the HTTP layer counts in it. Other
 * parts add their own to the same registry.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Admission } from './admission.js'

export type HttpMetrics = {
  registry: Registry
  /** @param seconds from the request's headers to the end of its answer */
  observe(operationId: string, status: number, seconds: number): void
}

export function makeHttpMetrics(): HttpMetrics {
  const registry = new Registry()
  const requests = new Counter({
    name: 'hearth_http_requests_total',
    help: 'Requests answered, by operation and status.',
    labelNames: ['operation', 'status'] as const,
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'hearth_http_request_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['operation'] as const,
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    registers: [registry],
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Gauge({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, user and system.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage()
      this.set((user + system) / 1_000_000)
    },
  })
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  new Gauge({
    name: 'hearth_event_loop_longest_stall_ms',
    help: 'Longest time since the last reading in which the event loop did nothing else, in milliseconds.',
    registers: [registry],
    collect() {
      this.set(Math.max(0, delay.max / 1e6 - 10)) // the histogram counts its own interval along
      delay.reset()
    },
  })
  // Children are looked up once per operation and status: hashing labels for every request costs more than counting.
  const counters = new Map<string, Counter.Internal>()
  const histograms = new Map<string, Histogram.Internal<'operation'>>()
  const counterOf = (operation: string, status: number) => {
    const key = `${operation} ${status}`
    const counter = counters.get(key) ?? requests.labels({ operation, status })
    counters.set(key, counter)
    return counter
  }
  const histogramOf = (operation: string) => {
    const histogram = histograms.get(operation) ?? seconds.labels({ operation })
    histograms.set(operation, histogram)
    return histogram
  }
  return {
    registry,
    observe(operationId, status, took) {
      counterOf(operationId, status).inc()
      histogramOf(operationId).observe(took)
    },
  }
}

/** What requests under way hold of this server. */
export function showAdmission(registry: Registry, { connections, bytes }: Admission): void {
  new Gauge({
    name: 'hearth_http_connections',
    help: 'Open connections of both listeners, live ones included.',
    registers: [registry],
    collect() {
      this.set(connections.size)
    },
  })
  new Gauge({
    name: 'hearth_http_bytes_in_flight',
    help: 'Bytes of bodies under way and of answers that have not been taken.',
    registers: [registry],
    collect() {
      this.set(bytes.total)
    },
  })
}
