/**
 * How the machine does, once a second: the last hour in memory, and `server_metrics:⟨now⟩` while an admin watches.
 *
 * Rates are per second over the time since the last sample. The counters behind them cost an addition per event.
 */
import type { Clock } from '../kernel/clock.js'
import type { ServerMetricsRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { StallMeter } from '../kernel/stalls.js'
import type { CommitMetrics } from '../store/commit-meter.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { LiveTables } from '../store/live.js'
import type { Committer } from '../store/reader.js'
import { type Change, upsertRow } from '../store/writes.js'
import type { LiveRegistry } from './live-registry.js'
import { MetricsHistory } from './metrics-history.js'
import type { Projector } from './projector/projector.js'

export type MetricsNeeds = {
  db: Pick<Committer, 'onCommitted'> & { commitMetrics(): CommitMetrics }
  live: Pick<LiveTables, 'writeLive'>
  registry: LiveRegistry
  /** Windows, and other devices in /sync. */
  connectedClients(): number
  liveChannels(): number
  projector: Pick<Projector, 'lag' | 'lanes'>
  /** PDUs and EDUs since the start. */
  federation: { readonly incoming: number; readonly outgoing: number }
  stalls: Pick<StallMeter, 'onSecond'>
  clock: Clock
  logger: Logger
}

const table = 'server_metrics'
const shownRooms = 50

export type Metrics = { history: MetricsHistory; close(): void }

export function sampleMetrics(needs: MetricsNeeds): Metrics {
  const { db, registry, logger, live } = needs
  const rates = new Rates()
  const history = new MetricsHistory()
  let isWriting = false

  async function write(row: ServerMetricsRow): Promise<void> {
    if (isWriting) return
    isWriting = true
    await live
      .writeLive([upsertRow(table, { id: 'now', ...row })])
      .catch((error: unknown) => logger.error({ err: error }, 'metrics were not written'))
    isWriting = false
  }

  rates.begin(needs)
  const stopCounting = db.onCommitted('project', (changes) => rates.count(changes))
  const stopSampling = needs.stalls.onSecond((longestStallMs) => {
    const row = rates.sample(needs, longestStallMs)
    history.add(row)
    if (registry.countOn(table) > 0) void write(row)
  })
  return {
    history,
    close() {
      stopCounting()
      stopSampling()
    },
  }
}

/** Counts between samples. */
export class Rates {
  #events = 0
  #rooms = new Map<string, number>()
  #at = 0
  #incoming = 0
  #outgoing = 0
  readonly #follow: ByKind = {
    event: ({ roomId, historical }) => {
      if (historical) return
      this.#events++
      this.#rooms.set(roomId, (this.#rooms.get(roomId) ?? 0) + 1)
    },
    ...{ state: ignore, redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }

  count(changes: readonly Change[]): void {
    for (const change of changes) treat(this.#follow, change)
  }

  begin({ clock, federation }: Pick<MetricsNeeds, 'clock' | 'federation'>): void {
    this.#events = 0
    this.#rooms = new Map()
    this.#at = clock.elapsed()
    this.#incoming = federation.incoming
    this.#outgoing = federation.outgoing
  }

  /** @param longestStallMs since the last sample */
  sample(needs: Omit<MetricsNeeds, 'live' | 'logger' | 'stalls'>, longestStallMs: number): ServerMetricsRow {
    const { clock, db, federation, registry } = needs
    const seconds = Math.max(0.001, (clock.elapsed() - this.#at) / 1000)
    const commit = db.commitMetrics()
    const memory = process.memoryUsage()
    const perSecond = (count: number) => Math.round((count / seconds) * 10) / 10
    const row: ServerMetricsRow = {
      ts: clock.now(),
      events_per_second: perSecond(this.#events),
      active_rooms: this.#rooms.size,
      connected_clients: needs.connectedClients(),
      live_channels: needs.liveChannels(),
      live_queries: registry.size,
      federation_in_per_second: perSecond(federation.incoming - this.#incoming),
      federation_out_per_second: perSecond(federation.outgoing - this.#outgoing),
      db_writes_per_second: commit.rowsPerSecond,
      db_commit_p50_ms: Math.round(commit.commitMsP50 * 100) / 100,
      projector_lag: needs.projector.lag,
      projector_lanes: needs.projector.lanes.map(({ lane, lag, lagMs }) => [lane, lag, Math.round(lagMs)]),
      longest_stall_ms: Math.round(longestStallMs * 10) / 10,
      rss_bytes: memory.rss,
      heap_bytes: memory.heapUsed,
      uptime_s: Math.round(process.uptime()),
      rooms: [...this.#rooms].sort(([, a], [, b]) => b - a).slice(0, shownRooms),
    }
    this.begin(needs)
    return row
  }
}
