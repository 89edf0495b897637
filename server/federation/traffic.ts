/**
 * Counts of what went to and came from each other server since this process started.
 *
 * Read once a second while an administrator watches (`federation_traffic` rows), and by the metrics.
 */
import { LRUCache } from 'lru-cache'
import type { ServerName } from '../kernel/identifiers.js'

export type TrafficCounts = { inPdus: number; inEdus: number; outPdus: number; outEdus: number; lastExchangeMs: number }

/** Who wants to know of traffic as it happens: the live tables. */
export type TrafficSink = {
  count(serverName: string, counts: { in_pdus?: number; in_edus?: number; out_pdus?: number; out_edus?: number }): void
}

export type Traffic = {
  /** From now on every count goes there too. */
  forwardTo(sink: TrafficSink): void
  countIn(origin: ServerName, counts: { pdus: number; edus: number }): void
  /** @param tookMs time of the whole exchange */
  countOut(destination: ServerName, counts: { pdus: number; edus: number }, tookMs: number): void
  of(serverName: ServerName): TrafficCounts
  servers(): IterableIterator<ServerName>
  /** Over all servers, also those that are no longer counted apart. */
  readonly total: { in: number; out: number }
}

const none: TrafficCounts = { inPdus: 0, inEdus: 0, outPdus: 0, outEdus: 0, lastExchangeMs: 0 }

export function makeTraffic(): Traffic {
  const counts = new LRUCache<ServerName, TrafficCounts>({ max: 20_000 })
  const total = { in: 0, out: 0 }
  const entry = (serverName: ServerName): TrafficCounts => {
    const known = counts.get(serverName)
    if (known) return known
    const fresh = { ...none }
    counts.set(serverName, fresh)
    return fresh
  }
  let sink: TrafficSink | undefined
  return {
    total,
    forwardTo(given) {
      sink = given
    },
    countIn(origin, { pdus, edus }) {
      const row = entry(origin)
      row.inPdus += pdus
      row.inEdus += edus
      total.in += pdus + edus
      sink?.count(origin, { in_pdus: pdus, in_edus: edus })
    },
    countOut(destination, { pdus, edus }, tookMs) {
      const row = entry(destination)
      row.outPdus += pdus
      row.outEdus += edus
      row.lastExchangeMs = tookMs
      total.out += pdus + edus
      sink?.count(destination, { out_pdus: pdus, out_edus: edus })
    },
    of: (serverName) => counts.peek(serverName) ?? none,
    servers: () => counts.keys(),
  }
}
