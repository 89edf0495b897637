/**
 * `live_subscriptions`: the registry of live queries as a table, for who owns them and for admins.
 *
 * A table that tells of its own notifications would excite itself, so it is sampled once a second and only
 * while someone watches; a row that did not change is not written.
 */
import type { Clock, Timer } from '../kernel/clock.js'
import type { LiveSubscriptionRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { LiveTables } from '../store/live.js'
import { deleteRow, upsertRow, type Write } from '../store/writes.js'
import type { LiveQuery, LiveRegistry } from './live-registry.js'

const table = 'live_subscriptions'
const everyMs = 1_000

type Needs = {
  live: Pick<LiveTables, 'writeLive'>
  registry: LiveRegistry
  /** This process, as `node:⟨id⟩` (S9). */
  nodeId: string
  clock: Clock
  logger: Logger
}

/** @returns stops it */
export function mirrorLiveSubscriptions({ live, registry, nodeId, clock, logger }: Needs): () => void {
  const written = new Map<string, string>()
  let timer: Timer | undefined
  let isWriting = false

  async function sample(): Promise<void> {
    if (isWriting) return
    isWriting = true
    const writes = diff(registry.all(), written, nodeId)
    if (writes.length > 0)
      await live.writeLive(writes).catch((error: unknown) => {
        logger.error({ err: error }, 'live subscriptions were not written')
        written.clear()
      })
    isWriting = false
  }

  const stop = registry.onWatched(table, (isWatched) => {
    timer?.cancel()
    timer = isWatched ? clock.every(everyMs, () => void sample()) : undefined
    void sample()
  })
  return () => {
    stop()
    timer?.cancel()
  }
}

/** What has to be written so that the table shows the registry; `written` is what it shows now. */
function diff(queries: readonly LiveQuery[], written: Map<string, string>, nodeId: string): Write[] {
  const writes: Write[] = []
  const present = new Set<string>()
  for (const query of queries) {
    present.add(query.id)
    const row = rowOf(query, nodeId)
    const text = JSON.stringify(row)
    if (written.get(query.id) === text) continue
    written.set(query.id, text)
    writes.push(upsertRow(table, { id: query.id, ...row }))
  }
  for (const id of written.keys()) {
    if (present.has(id)) continue
    written.delete(id)
    writes.push(deleteRow(table, id))
  }
  return writes
}

const rowOf = (query: LiveQuery, nodeId: string): LiveSubscriptionRow => ({
  user_id: query.userId,
  sid: query.sid,
  node: nodeId,
  channel: query.channel,
  table: query.table,
  query: query.sql,
  since: query.since,
  delivered: query.delivered,
  delay_p50_ms: round(query.delays.quantile(0.5)),
  delay_p95_ms: round(query.delays.quantile(0.95)),
})

const round = (ms: number) => Math.round(ms * 10) / 10
