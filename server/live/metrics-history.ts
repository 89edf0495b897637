/**
 * The samples of the last hour, in memory: 60 numbers a second would be too many rows, and nobody watches most of the time.
 */
import type { ServerMetricsRow } from '../kernel/live-rows.js'

/** What of a sample is a number. */
type Field = {
  [Name in keyof ServerMetricsRow]: ServerMetricsRow[Name] extends number ? Name : never
}[keyof ServerMetricsRow]

/** `ts` first, the others as `server_metrics` names them. */
export const historyFields: readonly Field[] = [
  ...(['ts', 'events_per_second', 'active_rooms', 'connected_clients', 'live_channels', 'live_queries'] as const),
  ...(['federation_in_per_second', 'federation_out_per_second', 'db_writes_per_second', 'db_commit_p50_ms'] as const),
  ...(['projector_lag', 'longest_stall_ms', 'rss_bytes', 'heap_bytes', 'uptime_s'] as const),
]

/** An hour at one sample a second. */
export const keptSamples = 3_600

export class MetricsHistory {
  readonly #columns = historyFields.map(() => new Float64Array(keptSamples))
  #added = 0

  add(row: ServerMetricsRow): void {
    const at = this.#added++ % keptSamples
    for (const [index, field] of historyFields.entries()) this.#columns[index]![at] = row[field]
  }

  /** One list a sample, in the order of `historyFields`; oldest first. @param ts samples after this time only */
  since(ts: number): number[][] {
    const samples: number[][] = []
    for (let n = Math.max(0, this.#added - keptSamples); n < this.#added; n++) {
      const at = n % keptSamples
      if (this.#columns[0]![at]! > ts) samples.push(this.#columns.map((column) => column[at]!))
    }
    return samples
  }
}
