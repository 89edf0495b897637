/**
 * Prometheus metrics of one homeserver: a registry, and what the HTTP layer counts in it. Other
 * parts add their own to the same registry.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { systemClock } from '../kernel/clock.js'
import { StallMeter } from '../kernel/stalls.js'
import type { Admission } from './admission.js'

export type HttpMetrics = {
  registry: Registry
  /** @param seconds from the request's headers to the end of its answer */
  observe(operationId: string, status: number, seconds: number): void
}

export function makeHttpMetrics(stalls = new StallMeter(systemClock)): HttpMetrics {
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
  showStalls(registry, stalls)
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

function showStalls(registry: Registry, stalls: StallMeter): void {
  let longestMs = 0
  const seconds = new Histogram({
    name: 'hearth_event_loop_stall_seconds',
    help: 'The longest time of each second in which the event loop did nothing else.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  stalls.onSecond((ms) => {
    longestMs = Math.max(longestMs, ms)
    seconds.observe(ms / 1000)
  })
  new Gauge({
    name: 'hearth_event_loop_longest_stall_ms',
    help: 'Longest time since the last reading in which the event loop did nothing else, in milliseconds.',
    registers: [registry],
    collect() {
      this.set(Math.max(longestMs, stalls.longestMs))
      longestMs = 0
    },
  })
}

/** A number that another part of the server tells when it is asked; with a label, one number for each of its values. */
export type Figure = {
  name: string
  help: string
  /** A counter where the name ends in `_total`, else a gauge. */
  read(): number | Readonly<Record<string, number>>
  label?: string
}

export function showFigures(registry: Registry, figures: readonly Figure[]): void {
  for (const { name, help, read, label } of figures) {
    const Kind = name.endsWith('_total') ? Counter : Gauge
    new Kind({
      ...{ name, help, labelNames: label ? [label] : [], registers: [registry] },
      collect() {
        this.reset()
        const found = read()
        if (typeof found === 'number') this.inc(found)
        else for (const [value, number] of Object.entries(found)) this.inc({ [label ?? '']: value }, number)
      },
    })
  }
}
