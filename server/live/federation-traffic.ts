/**
 * `federation_traffic`: one row per server we talk to, for admins. Whoever sends and receives says what
 * happened; rows are written once a second, only those that changed, and only while someone watches.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import type { FederationTrafficRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { LiveTables } from '../store/live.js'
import { upsertRow, type Write } from '../store/writes.js'
import type { LiveRegistry } from './live-registry.js'

type Counter = 'in_pdus' | 'in_edus' | 'out_pdus' | 'out_edus'
export type FederationState = Partial<
  Pick<FederationTrafficRow, 'state' | 'queue_length' | 'last_success_ts' | 'last_error' | 'retry_at'>
>

export type FederationTraffic = {
  /** Adds to the counters of a server, counted since this process started. */
  count(destination: string, counts: Partial<Record<Counter, number>>): void
  /** What is now known of a server; members that are named undefined are taken away. */
  set(destination: string, state: FederationState): void
  /** PDUs and EDUs so far, for the metrics. */
  readonly totals: { incoming: number; outgoing: number }
  /** What waits for other servers, and how many servers are in which state. */
  queues(): { waiting: number; servers: Record<string, number> }
  close(): void
}

const table = 'federation_traffic'
const everyMs = 1_000
const maxServers = 5_000

type Needs = { live: Pick<LiveTables, 'writeLive'>; registry: LiveRegistry; clock: Clock; logger: Logger }
type Row = { [Name in keyof Required<FederationTrafficRow>]: FederationTrafficRow[Name] | undefined }

export function makeFederationTraffic({ live, registry, clock, logger }: Needs): FederationTraffic {
  const rows = new Map<string, Row>()
  const changed = new Set<string>()
  const totals = { incoming: 0, outgoing: 0 }
  let timer: Timer | undefined
  let isWriting = false

  function rowOf(destination: string): Row {
    let row = rows.get(destination)
    if (!row) {
      row = {
        ...{ destination, state: 'unknown', queue_length: 0, in_pdus: 0, in_edus: 0, out_pdus: 0, out_edus: 0 },
        ...{ last_success_ts: undefined, last_error: undefined, retry_at: undefined },
      }
      if (rows.size < maxServers) rows.set(destination, row)
    }
    changed.add(destination)
    return row
  }

  async function write(): Promise<void> {
    if (isWriting || changed.size === 0) return
    isWriting = true
    const writes = [...changed].flatMap((destination): Write[] => {
      const row = rows.get(destination)
      return row ? [upsertRow(table, { id: destination, ...row })] : []
    })
    changed.clear()
    await live
      .writeLive(writes)
      .catch((error: unknown) => logger.error({ err: error }, 'federation traffic was not written'))
    isWriting = false
  }

  const stop = registry.onWatched(table, (isWatched) => {
    timer?.cancel()
    timer = isWatched ? clock.every(everyMs, () => void write()) : undefined
    // Whoever begins to watch reads the table first, so all rows are due.
    if (isWatched) for (const destination of rows.keys()) changed.add(destination)
    if (isWatched) void write()
  })

  return {
    count(destination, counts) {
      const row = rowOf(destination)
      for (const [name, by] of Object.entries(counts) as [Counter, number][]) {
        row[name] = (row[name] ?? 0) + by
        totals[name.startsWith('in_') ? 'incoming' : 'outgoing'] += by
      }
    },
    set: (destination, state) => void Object.assign(rowOf(destination), state),
    totals,
    queues() {
      const servers: Record<string, number> = {}
      let waiting = 0
      for (const { state, queue_length } of rows.values()) {
        servers[state ?? 'unknown'] = (servers[state ?? 'unknown'] ?? 0) + 1
        waiting += queue_length ?? 0
      }
      return { waiting, servers }
    },
    close() {
      stop()
      timer?.cancel()
    },
  }
}
