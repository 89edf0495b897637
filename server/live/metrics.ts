/**
 * `server_metrics:⟨now⟩`: how the machine does, once a second and only while an admin watches.
 *
 * Rates are per second over the time since the last sample. The counters behind them cost an addition per
 * event whether anybody watches or not.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, Timer } from '../kernel/clock.js'
import type { ServerMetricsRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { CommitMetrics } from '../store/commit-meter.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { LiveTables } from '../store/live.js'
import type { Committer } from '../store/reader.js'
import { type Change, upsertRow } from '../store/writes.js'
import type { LiveRegistry } from './live-registry.js'
import type { Projector } from './projector/projector.js'

export type MetricsNeeds = {
  db: Pick<Committer, 'onCommitted'> & { commitMetrics(): CommitMetrics }
  live: Pick<LiveTables, 'writeLive'>
  registry: LiveRegistry
  /** Clients with a request under way or just over: /sync waits and the like. */
  connectedClients(): number
  liveChannels(): number
  projector: Pick<Projector, 'lag' | 'lanes'>
  /** PDUs and EDUs since the start. */
  federation: { readonly incoming: number; readonly outgoing: number }
  clock: Clock
  logger: Logger
}

const table = 'server_metrics'
const everyMs = 1_000
const shownRooms = 50
/** How often the loop's delay is probed, in milliseconds; a probe costs nothing to speak of. */
const stallResolutionMs = 10

/** @returns stops it */
export function sampleMetrics(needs: MetricsNeeds): () => void {
  const { db, registry, clock, logger, live } = needs
  const rates = new Rates()
  const stalls = monitorEventLoopDelay({ resolution: stallResolutionMs })
  let timer: Timer | undefined
  let isWriting = false

  async function sample(): Promise<void> {
    if (isWriting) return
    isWriting = true
    const row = rates.sample(needs, stalls.max / 1e6)
    stalls.reset()
    await live
      .writeLive([upsertRow(table, { id: 'now', ...row })])
      .catch((error: unknown) => logger.error({ err: error }, 'metrics were not written'))
    isWriting = false
  }

  const stopCounting = db.onCommitted('project', (changes) => rates.count(changes))
  const stopWatching = registry.onWatched(table, (isWatched) => {
    timer?.cancel()
    timer = undefined
    if (isWatched) {
      stalls.reset() // or the time nobody watched counts as one long stall
      stalls.enable()
      rates.begin(needs)
      timer = clock.every(everyMs, () => void sample())
    } else stalls.disable()
  })
  return () => {
    stopCounting()
    stopWatching()
    timer?.cancel()
    stalls.disable()
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
    ...{ device_list: ignore, to_device: ignore, profile: ignore },
  }

  count(changes: readonly Change[]): void {
    for (const change of changes) treat(this.#follow, change)
    // Nobody may be watching for days.
    if (this.#rooms.size > 10_000) this.#rooms.clear()
  }

  begin({ clock, federation }: Pick<MetricsNeeds, 'clock' | 'federation'>): void {
    this.#events = 0
    this.#rooms = new Map()
    this.#at = clock.elapsed()
    this.#incoming = federation.incoming
    this.#outgoing = federation.outgoing
  }

  /** @param longestStallMs since the last sample */
  sample(needs: Omit<MetricsNeeds, 'live' | 'logger'>, longestStallMs: number): ServerMetricsRow {
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
      longest_stall_ms: Math.max(0, Math.round((longestStallMs - stallResolutionMs) * 10) / 10),
      rss_bytes: memory.rss,
      heap_bytes: memory.heapUsed,
      uptime_s: Math.round(process.uptime()),
      rooms: [...this.#rooms].sort(([, a], [, b]) => b - a).slice(0, shownRooms),
    }
    this.begin(needs)
    return row
  }
}
